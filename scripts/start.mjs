// npm start: sets up what is missing, then starts tether.
import { script, setup } from './setup.mjs'

await script(async (args) => {
  await setup()
  const { main } = await import('../dist/cli/main.js')
  // Everything is closed by now: leftover timers, such as those of keep-alive, must not delay the exit.
  process.exit(await main(args, { start: true }))
})
