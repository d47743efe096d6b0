// A program for tests that crash it: it generates on the demo model, on and on. `argv`: the options of the load as JSON, and
// what it does after its first tokens: wait, abort, or read a WebAssembly memory where there is none.
import { join } from 'node:path'
import { loadEngine } from '../../dist/engine/load.js'
import { plainSampling } from '../../dist/options.js'

const [, , options, then] = process.argv
const engine = await loadEngine(join(import.meta.dirname, '..', '..', 'demo', 'model'), JSON.parse(options))
const request = { ...plainSampling, prompt: Int32Array.from({ length: 40 }, (_, i) => i + 10), maxTokens: 100_000 }

for await (const { tokens, finish } of engine.generate({ ...request, stopTokens: new Int32Array() })) {
  if (finish) throw new Error('it was to generate until it is ended')
  if (tokens.length === 0) continue
  console.log('generating')
  if (then === 'abort') process.abort()
  if (then === 'trap') console.log(trap())
}

/** V8 finds out by a SIGSEGV, and throws. */
function trap() {
  // (module (memory 1) (func (export "f") (result i32) i32.const -4 i32.load))
  const code = '0061736d010000000105016000017f030201000503010001070501016600000a0901070041 7c 28 0200 0b'.replaceAll(
    ' ',
    '',
  )
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(code, 'hex')))
  try {
    return exports.f()
  } catch (error) {
    return error.message
  }
}
