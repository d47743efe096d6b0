/** Throws, with what to install, where Node is too old for tether. */
import { createRequire } from 'node:module'

const { checkNode } = createRequire(import.meta.url)('../scripts/node-version.cjs') as { checkNode(): void }
checkNode()
