// npm run build: everything that `tether` needs to run. --native builds the addon alone.
import { script, setup } from './setup.mjs'

await script((args) => setup({ native: args.includes('--native') }))
