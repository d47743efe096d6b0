// A session of Claude Code that shows most of what it sends: tools, subagents, a large file, a conversation that is continued,
// and in a terminal /context and /compact. The model is scripted, and all that is sent is written down.
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { root, SetupError } from './setup.mjs'
import { openScreen } from './terminal-screen.mjs'

/** `claude`: the program. -> the requests, in order: method, url, headers, body, status */
export async function recordSession(claude) {
  const place = makePlace(claude)
  try {
    await print(place, play(...script(place)), '--allowedTools', 'Bash', 'Read', 'Agent')
    await print(place, play(['It goes on.']), '--continue')
    await inTerminal(place)
    const lines = readFileSync(place.record, 'utf8').trimEnd().split('\n')
    return lines.map((line) => JSON.parse(line)).filter(({ url }) => url !== '/health')
  } finally {
    rmSync(place.base, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 })
  }
}

function makePlace(claude) {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'tether-wire-')))
  const [home, project, temp] = ['home', 'project', 'temp'].map((name) => join(base, name))
  for (const folder of [home, project, temp]) mkdirSync(folder)
  const seen = { hasCompletedOnboarding: true, theme: 'dark', numStartups: 5 }
  const projects = { [project]: { hasTrustDialogAccepted: true } }
  writeFileSync(join(home, '.claude.json'), JSON.stringify({ ...seen, projects }))
  const large = join(project, 'large.txt')
  writeFileSync(large, 'seven brave otters\n'.repeat(4000))
  const record = join(base, 'requests.jsonl')
  const env = { HOME: home, TMPDIR: temp, PATH: process.env.PATH, LANG: 'C.UTF-8', TERM: 'xterm-256color' }
  execFileSync('git', ['init', '-q'], { cwd: project, env })
  const tether = join(root, 'test/support/scripted-tether.mjs')
  const flags = ['--model', join(root, 'demo/model'), '--port', '0', '--max-context', '131072', '--claude-path', claude]
  const command = [tether, ...flags, '--']
  return { base, project, large, record, command, env: { ...env, NO_COLOR: '1', TETHER_RECORD: record } }
}

/** As test/support/scripted-model.mjs reads it. */
function play(...answers) {
  return `Play: ${JSON.stringify(answers)}`
}

function script({ large }) {
  const bash = (command) => ({ call: 'Bash', input: { command, description: 'Runs it' } })
  const agent = {
    description: 'Asks one',
    subagent_type: 'general-purpose',
    run_in_background: false,
    prompt: play([bash('echo below')], ['Below is done.']),
  }
  return [
    [{ think: 'A tool has to be loaded.' }, { call: 'ToolSearch', input: { query: 'select:Monitor', max_results: 1 } }],
    ['Looking.', bash('echo first'), bash('exit 3'), { call: 'Read', input: { file_path: large } }],
    [{ call: 'Agent', input: agent }],
    ['All is done.'],
  ]
}

async function print({ command, project, env }, prompt, ...flags) {
  const child = spawn(process.execPath, [...command, '-p', prompt, ...flags], {
    cwd: project,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (data) => {
    said += data
  })
  const code = await new Promise((resolve) => child.on('close', resolve))
  if (code !== 0) throw new SetupError(`claude -p ended with ${code}:\n${said}`)
}

async function inTerminal({ command, project, env }) {
  const screen = await openScreen(process.execPath, command, { cwd: project, env, columns: 120, rows: 40 })
  const say = async (line, pattern) => {
    await screen.press(line, new RegExp(`❯ ${line.slice(0, 30).replace(/[^\w /]/g, '.')}`))
    await sleep(300)
    await screen.press('\r', pattern)
  }
  try {
    await screen.shows(/ demo · 0 of 128k \(0%\)/)
    await say(play(['Hello.']), /● Hello\./)
    await say('/context', /\/131\.1k tokens/)
    await say('/compact', /Compacted/)
    screen.write('\u0003')
    await sleep(300)
    screen.write('\u0003')
    await screen.ended
  } catch (error) {
    // It still writes to its home, which is removed next.
    screen.close()
    await Promise.race([screen.ended, sleep(10_000)])
    throw error
  }
}
