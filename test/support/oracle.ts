/** mlx-lm in a process beside a test, if TETHER_ORACLE_PYTHON names a Python that has it. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

export interface Oracle {
  /** In float32, with keys and values quantized where `kv` asks for it. */
  logits(folder: string, tokens: number[], kv?: { kvBits: number; kvGroup: number }): Promise<Float32Array>
  stop(): void
}

/** Starts test/goldens/logits.py, which answers each line of JSON with one line of JSON. */
export function startOracle(python: string): Oracle {
  const child = spawn(python, ['test/goldens/logits.py'], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async logits(folder, tokens, kv) {
      child.stdin.write(`${JSON.stringify({ folder, tokens, ...kv })}\n`)
      const { value, done } = await lines.next()
      if (done) throw new Error('test/goldens/logits.py has ended; its message is above')
      const answer: { logits?: string; error?: string } = JSON.parse(value)
      if (answer.error !== undefined) throw new Error(answer.error)
      const bytes = Buffer.from(answer.logits as string, 'base64')
      return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i))
    },
    stop: () => child.stdin.end(),
  }
}
