// npm run wire [-- --claude VERSION | --both | --write]: what the newest Claude Code sends, beside what the pinned one sends.
// What the pinned one sends is kept in test/e2e/wire.txt; with --both it is run too, and --write writes that file anew.
// Exits with 1 and the differences if there are any.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { claudeCode, newestVersion, pinned, versionAsked } from './claude-code.mjs'
import { root, SetupError, script, setup } from './setup.mjs'
import { note } from './terminal-lines.mjs'
import { recordSession } from './wire-session.mjs'
import { diffLines, wireShape } from './wire-shape.mjs'

const kept = join(root, 'test', 'e2e', 'wire.txt')

await script(async (args) => {
  await setup()
  if (args.includes('--write')) {
    writeFileSync(kept, `${(await shapeOf(pinned)).join('\n')}\n`)
    note(`${kept}: written`)
    return 0
  }
  const version = args.includes('--claude') ? versionAsked(args).version : newestVersion()
  const before = readFileSync(kept, 'utf8').trimEnd().split('\n')
  const same = args.includes('--both') ? tell(diffLines(before, await shapeOf(pinned)), `${pinned} and wire.txt`) : true
  return tell(diffLines(before, await shapeOf(version)), `${pinned} and ${version}`) && same ? 0 : 1
})

/** -> whether there is no difference */
function tell(lines, between) {
  if (lines.length === 0) note(`no difference between ${between}`)
  else console.log(`between ${between}:\n${lines.join('\n')}`)
  return lines.length === 0
}

async function shapeOf(version) {
  note(`A session with Claude Code ${version}`)
  const requests = await recordSession(await claudeCode(version))
  const failed = requests.filter(({ status }) => status > 299)
  if (failed.length > 0) {
    const list = failed.map(({ method, url, status }) => `${method} ${url}: ${status}`)
    throw new SetupError(`Claude Code ${version} got errors:\n${list.join('\n')}`)
  }
  return wireShape(requests)
}
