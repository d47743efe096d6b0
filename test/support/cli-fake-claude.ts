/** A program named claude that reports what it was given and then does what its first forwarded word says. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What it writes to the file FAKE_CLAUDE_REPORT. */
export interface ClaudeReport {
  pid: number
  args: string[]
  env: Record<string, string>
  settingsPath: string
  settings: { env: Record<string, string>; [key: string]: unknown }
  settingsMode: number
  folderMode: number
  health: number
  unauthorized: number
  authorized: number
}

const program = `
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
const args = process.argv.slice(2)
if (args[0] === '--version') {
  console.log('2.1.330 (Claude Code)')
  process.exit(0)
}
const settingsPath = args[args.indexOf('--settings') + 1]
const settings = JSON.parse(readFileSync(settingsPath, 'utf8'))
const ask = async (path, authorization) => {
  const headers = authorization ? { authorization } : {}
  return (await fetch(process.env.ANTHROPIC_BASE_URL + path, { headers })).status
}
let interrupts = 0
const words = args.filter((word, i) => word !== '--settings' && args[i - 1] !== '--settings')
const act = words.find((word) => /^(exit|sleep|children|die|say|ints|screen):?/.test(word)) ?? 'exit:0'
const [what, value] = act.split(':')
if (what === 'ints') process.on('SIGINT', () => {
  console.log('interrupt ' + ++interrupts)
  if (interrupts === Number(value)) process.exit(40)
})
const child = what === 'children' ? spawn('sleep', ['600'], { detached: true, stdio: 'ignore' }).pid : undefined
if (what === 'children') process.on('SIGTERM', () => {})
const report = {
  pid: process.pid, child, args, env: process.env, settingsPath, settings,
  settingsMode: statSync(settingsPath).mode & 0o777,
  folderMode: statSync(dirname(settingsPath)).mode & 0o777,
  trusted: process.env.NODE_EXTRA_CA_CERTS && readFileSync(process.env.NODE_EXTRA_CA_CERTS, 'utf8'),
  statusLine: process.env.FAKE_STATUS_LINE && spawnSync('sh', ['-c', settings.statusLine.command], { input: '{}' }).stdout + '',
  health: await ask('/health'),
  unauthorized: await ask('/v1/models'),
  authorized: await ask('/v1/models', 'Bearer ' + process.env.ANTHROPIC_AUTH_TOKEN),
}
if (process.env.FAKE_CLAUDE_REPORT) {
  writeFileSync(process.env.FAKE_CLAUDE_REPORT + '.part', JSON.stringify(report))
  renameSync(process.env.FAKE_CLAUDE_REPORT + '.part', process.env.FAKE_CLAUDE_REPORT)
}
if (what === 'screen') {
  // Like a full-screen program: it reads keys, not lines, and follows the size of the terminal.
  const size = () => process.stdout.columns + 'x' + process.stdout.rows
  process.on('SIGINT', () => console.log('<SIGINT>'))
  process.stdout.on('resize', () => console.log('<resized to ' + size() + '>'))
  process.stdin.setRawMode(value !== 'cooked').on('data', (keys) => {
    console.log('<keys ' + keys.toString('hex') + '>')
    if (String(keys) === 'q') process.stdin.setRawMode(false) && process.exit(5)
  })
  console.log('<screen ' + size() + ' raw ' + process.stdin.isRaw + '>')
} else if (what === 'say') console.log(value)
else if (what === 'exit') process.exit(Number(value))
else if (what === 'die') process.kill(process.pid, value)
else setInterval(() => {}, 1000)
`

/** -> its path. It runs the .mjs beside it: Node does not read a file without an extension as a module. */
export function writeFakeClaude(folder: string): string {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'fake-claude.mjs'), program)
  const path = join(folder, 'claude')
  writeFileSync(path, `#!/bin/sh\nexec "${process.execPath}" "${join(folder, 'fake-claude.mjs')}" "$@"\n`)
  chmodSync(path, 0o755)
  return path
}
