// npm start: sets up what is missing, then starts tether.
import { script, setup } from './setup.mjs'

await script(async (args) => {
  await setup()
  const { main } = await import('../dist/cli/main.js')
  // Everything is closed by now; whatever still waits, such as a keep-alive timer, is not waited for.
  process.exit(await main(args, { start: true }))
})
