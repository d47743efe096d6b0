// npm run build: everything that `tether` needs to run. --native builds the addon alone.
import { onRightNode } from './node-version.cjs'

onRightNode(async () => {
  const { script, setup } = await import('./setup.mjs')
  await script((args) => setup({ native: args.includes('--native') }))
})
