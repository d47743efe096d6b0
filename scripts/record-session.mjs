// npm run record: records a session of tether with the demo model and the real Claude Code as docs/session.svg.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { homedir, hostname, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { claudeCode } from './claude-code.mjs'
import { root, SetupError, script, setup } from './setup.mjs'
import { note } from './terminal-lines.mjs'
import { openScreen } from './terminal-screen.mjs'
import { drawFrames, readRow } from './terminal-svg.mjs'

const columns = 88
const rows = 24
const label = 'A recording: tether starts Claude Code on the demo model, which says pineapple and runs a script.'

await script(async ([target = join(root, 'docs', 'session.svg')]) => {
  await setup()
  const place = makePlace(await claudeCode())
  try {
    const { frames, still } = await record(place)
    const svg = drawFrames(frames, { columns, rows, title: '~/project', label, still })
    expectPrivate(svg, [place.base, root, homedir(), hostname()])
    writeFileSync(resolve(target), svg)
    note(`${resolve(target)}: ${frames.length} frames, ${Math.ceil(svg.length / 1000)} KB`)
  } finally {
    // After a failure Claude Code may still be writing there for a moment.
    rmSync(place.base, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 })
  }
  return 0
})

/** A home in which tether, claude and node are on PATH, and a project with one file. */
function makePlace(claude) {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'tether-record-')))
  const home = join(base, 'home')
  const project = join(home, 'project')
  const bin = join(base, 'bin')
  for (const folder of [project, bin, join(base, 'temp')]) mkdirSync(folder, { recursive: true })
  symlinkSync(process.execPath, join(bin, 'node'))
  symlinkSync(join(root, 'bin', 'tether.mjs'), join(bin, 'tether'))
  symlinkSync(claude, join(bin, 'claude'))
  writeFileSync(join(project, 'greet.py'), "print('seven brave otters')\n")
  const projects = { [project]: { hasTrustDialogAccepted: true } }
  const seen = { hasCompletedOnboarding: true, theme: 'dark', numStartups: 5, projects }
  writeFileSync(join(home, '.claude.json'), JSON.stringify(seen))
  const env = { HOME: home, TMPDIR: join(base, 'temp'), PATH: `${bin}:/usr/local/bin:/usr/bin:/bin`, LANG: 'C.UTF-8' }
  execFileSync('git', ['init', '-q'], { cwd: project, env })
  // On a Mac sh is bash, which would begin with a notice.
  const terminal = { TERM: 'xterm-256color', COLORTERM: 'truecolor', PS1: '$ ', BASH_SILENCE_DEPRECATION_WARNING: '1' }
  return { base, project, env: { ...env, ...terminal } }
}

/** The session, step by step. -> its frames, and the one that says most */
async function record(place) {
  const screen = await openShell(place)
  try {
    return await play(screen)
  } finally {
    screen.close()
  }
}

async function play(screen) {
  const { frames, type, press, shows, take } = screen
  await shows(/^\$ $/m)
  await take(1)
  await type('tether --model demo')
  await press('\r', /\bready\b/)
  await take(2)
  await shows(/ demo · 0 of 64k \(0%\)/)
  // Its greeting moves at first.
  await sleep(1500)
  await take(2)
  await type('Say pineapple.')
  await press('\r', /● pineapple/)
  await shows(/· cache \d+%/)
  await take(2.5)
  await type('Run `python3 greet.py`')
  await press('\r', /Do you want to proceed\?/)
  await take(2)
  // Claude Code ignores keys that come before a question can have been read.
  await sleep(1500)
  await press('\r', /The command printed: seven brave otters/)
  await shows(/· cache [1-9]\d+% · \d+ tok\/s/)
  await take(4)
  const still = frames.length - 1
  screen.write('\u0003')
  await sleep(300)
  await press('\u0003', /\$ $/m)
  await take(4)
  screen.write('exit\r')
  await screen.ended
  return { frames, still }
}

/** A shell in a terminal, whose screen is taken frame by frame. */
async function openShell({ project, env }) {
  const screen = await openScreen('/bin/sh', [], { cwd: project, env, columns, rows })
  const frames = []
  const shell = {
    ...screen,
    frames,
    /** Adds the screen as it is now, to be shown for so many seconds. */
    async take(seconds) {
      await screen.drawn()
      const row = (at) => readRow(screen.lineAt(at), columns).map((run) => ({ ...run, text: masked(run.text) }))
      frames.push({ seconds, rows: Array.from({ length: rows }, (_, at) => row(at)) })
    },
    async type(words) {
      for (const letter of words) {
        screen.write(letter)
        await sleep(60)
        await shell.take(0.06)
      }
      await shell.take(0.5)
    },
  }
  return shell
}

/** What differs from run to run and means nothing: the port, the time of day, the session. As long as before. */
function masked(text) {
  return text
    .replace(/(?<=127\.0\.0\.1:)\d{4}\b/, '8080')
    .replace(/\d?\d:\d\d [AP]M/, (time) => '9:41 AM'.padEnd(time.length))
    .replace(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/, (id) => id.replace(/[0-9a-f]/g, '0'))
}

function expectPrivate(svg, names) {
  const found = names.find((name) => name.length > 3 && svg.includes(name))
  if (found) throw new SetupError(`the recording shows ${found}; it must not name this machine`)
}
