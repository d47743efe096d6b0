// npm start.
import { onRightNode } from './node-version.cjs'

onRightNode(() => import('./start-tether.mjs'))
