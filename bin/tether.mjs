#!/usr/bin/env node
// The command `tether`.
import { onRightNode } from '../scripts/node-version.cjs'

onRightNode(() => import('./run-tether.mjs'))
