/** The demo model, which is in tether's own package. */
import { fileURLToPath } from 'node:url'

/** This file is dist/models/demo-model.js in the package. */
export const demoModel = fileURLToPath(new URL('../../demo/model', import.meta.url))
