// What it costs to restore a prompt of random tokens, beside computing it.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { median, prompt } from '../numbers.mjs'
import { written } from './tether.mjs'

/**
 * Every run computes a prompt, and asks for it again with one token more: in the same process, where it goes on in place,
 * and in new ones, which restore it from memory (it was read ahead), from disk, and from disk after the system has
 * dropped the files from its page cache.
 */
export async function measureRestore({ tether, runs, length }) {
  const prompts = []
  const times = { computed: [], 'in place': [], memory: [], 'disk, warm': [], 'disk, cold': [] }
  const folder = 'restore'
  const first = async (server, tokens, cached) => {
    const { delay, finish } = await server.ask('first', { prompt: tokens })
    if (finish.cachedTokens !== cached)
      throw new Error(`${finish.cachedTokens} tokens of a prompt of ${tokens.length} were reused, not ${cached}`)
    return delay
  }
  const server = await tether(folder, { session: false })
  const { vocabSize } = server.info
  // Each process first computes a few tokens that no other has.
  let seed = 900
  const warmUp = (which) => first(which, prompt(300, seed++, vocabSize), 0)
  await warmUp(server)
  for (let run = 0; run < runs; run++) {
    prompts.push(prompt(length, 100 + run, vocabSize))
    times.computed.push(await first(server, prompts[run], 0))
    times['in place'].push(await first(server, longer(prompts[run], 5), length))
  }
  await written(server)
  await server.kill()
  for (const from of ['disk, warm', 'disk, cold', 'memory']) {
    for (const tokens of prompts) {
      if (from === 'disk, cold') dropFromPageCache(folder, tether.folder(folder))
      const again = await tether(folder, { session: false })
      await warmUp(again)
      if (from === 'memory') await readAhead(again, tokens)
      times[from].push(await first(again, longer(tokens, 6), length))
      const { hitTokens } = (await again.ask('stats')).cache
      const found = from === 'memory' ? hitTokens.memory : hitTokens.disk
      if (found !== length) throw new Error(`restored from ${from}: ${JSON.stringify(hitTokens)}, not ${length} tokens`)
      await again.kill()
    }
  }
  report(length, times)
}

const longer = (tokens, more) => Int32Array.of(...tokens, more)

/** Reads a prompt from disk into memory, and waits until that is done. */
async function readAhead(server, tokens) {
  const found = await server.ask('prefetch', { prompt: tokens })
  if (found < tokens.length - 1) throw new Error(`${found} tokens were found on disk, not ${tokens.length}`)
  for (let before = 0; ; ) {
    const { read } = (await server.ask('stats')).cache
    if (read > 0 && read === before) return
    before = read
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
}

/** Linux: tells the system that the files are not needed (posix_fadvise, by dd), and looks whether it has let them go. */
function dropFromPageCache(name, folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const paths = files.map((entry) => join(entry.parentPath, entry.name))
  for (const path of paths) {
    const { status } = spawnSync('dd', [
      `of=${path}`,
      'oflag=nocache',
      'conv=notrunc,fdatasync',
      'count=0',
      'status=none',
    ])
    if (status !== 0) throw new Error(`dd could not drop ${path} from the page cache`)
  }
  const { stdout, error } = spawnSync('fincore', ['--bytes', '--noheadings', '--output', 'RES', ...paths])
  if (error) return console.log('  fincore is not installed: it is not checked that the page cache was dropped')
  const left = String(stdout)
    .trim()
    .split('\n')
    .reduce((sum, line) => sum + Number(line), 0)
  if (left > 0) console.log(`  ${left} bytes of ${name} stayed in the page cache`)
}

function report(length, { computed, 'in place': inPlace, ...restored }) {
  const percent = (all, than) => `${(100 * median(all.map((ms, run) => ms / than[run]))).toFixed(2)}%`
  console.log(`${length} tokens, the first token after them: computed ${median(computed).toFixed(0)} ms`)
  console.log(`  continued in place: ${median(inPlace).toFixed(1)} ms, ${percent(inPlace, computed)}`)
  for (const [from, all] of Object.entries(restored)) {
    const alone = all.map((ms, run) => Math.max(0, ms - inPlace[run]))
    console.log(
      `  from ${from}: ${median(all).toFixed(1)} ms, ${percent(all, computed)} of computing them; without what the last token takes ${percent(alone, computed)}`,
    )
  }
}
