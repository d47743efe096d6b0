// npm start: sets up what is missing, then starts tether.
import { script, setup } from './setup.mjs'

await script(async (args) => {
  await setup()
  const { main } = await import('../dist/cli/main.js')
  return main(args, { start: true })
})
