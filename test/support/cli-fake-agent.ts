/** A program in the place of an agent: reports what it was given, asks the server, and does what its last word says. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What it writes to the file FAKE_CLAUDE_REPORT. */
export interface AgentReport {
  pid: number
  args: string[]
  env: Record<string, string>
  /** The private folder's, by their names; null where there is none. */
  files: Record<string, { content: string; mode: number }> | null
  folder?: string
  folderMode?: number
  /** Of a request with the key, and of one without. */
  authorized: number
  unauthorized: number
}

const program = `
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
const args = process.argv.slice(2)
if (args[0] === '--version') process.exit(0)
const temp = process.env.TMPDIR
// Of several terminals the latest.
const folders = readdirSync(temp).filter((name) => name.startsWith('tether-agent-')).map((name) => join(temp, name))
const [folder] = folders.sort((one, other) => statSync(other).ctimeMs - statSync(one).ctimeMs)
const files = folder ? Object.fromEntries(readdirSync(folder).map((file) => {
  const path = join(folder, file)
  return [file, { content: readFileSync(path, 'utf8'), mode: statSync(path).mode & 0o777 }]
})) : null
const said = JSON.stringify({ args, env: process.env, files })
const url = /http:\\/\\/127\\.0\\.0\\.1:\\d+/.exec(said)[0]
const key = process.env.TETHER_API_KEY ?? process.env.OPENAI_API_KEY
const ask = async (headers) => (await fetch(url + '/v1/models', { headers })).status
const report = {
  pid: process.pid, args, env: process.env, files, folder,
  folderMode: folder && statSync(folder).mode & 0o777,
  authorized: await ask({ authorization: 'Bearer ' + key }),
  unauthorized: await ask({}),
}
writeFileSync(process.env.FAKE_CLAUDE_REPORT + '.part', JSON.stringify(report))
renameSync(process.env.FAKE_CLAUDE_REPORT + '.part', process.env.FAKE_CLAUDE_REPORT)
const [what, value] = (args.at(-1) ?? '').split(':')
if (what === 'exit') process.exit(Number(value))
else if (what === 'die') process.kill(process.pid, value)
else setInterval(() => {}, 1000)
`

/** -> its path */
export function writeFakeAgent(folder: string, name: string): string {
  mkdirSync(folder, { recursive: true })
  const script = join(folder, 'fake-agent.mjs')
  writeFileSync(script, program)
  const path = join(folder, name)
  writeFileSync(path, `#!/bin/sh\nexec "${process.execPath}" "${script}" "$@"\n`)
  chmodSync(path, 0o755)
  return path
}
