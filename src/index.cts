/** The public API for CommonJS: the very module that `import` gives, which every Node that tether runs on can require. */
import tether = require('./index.js')

export = tether
