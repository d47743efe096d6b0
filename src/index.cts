/** The public API for CommonJS: the very module that `import` gives, which every Node that tether runs on can require. */
const { checkNode } = require('../scripts/node-version.cjs') as { checkNode(): void }
checkNode()

import tether = require('./index.js')

export = tether
