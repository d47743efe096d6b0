// Before a build of minutes: is Claude Code installed? If not, asks whether to install it.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { note } from './terminal-lines.mjs'

const install = ['npm', 'install', '-g', '@anthropic-ai/claude-code@latest']

/** The exit status of a shell that finds no program. */
export const notFound = 127

/**
 * To be called where a build follows: elsewhere tether itself asks. `args`: the command line of tether.
 * -> present: Claude Code is there, or these arguments do not start it; declined: the user said no;
 * missing: nobody could be asked; wrong: the program that the user names cannot be run
 */
export async function askForClaude(args) {
  const fault = launchesClaude(args) ? faultOfNamed(args) : undefined
  if (fault) {
    note(`tether: ${fault}`)
    return 'wrong'
  }
  if (!launchesClaude(args) || namedIn(args) || hasClaude()) return 'present'
  note('Claude Code is not installed.')
  const isInteractive = process.stdin.isTTY === true && process.stderr.isTTY === true
  const wanted = isInteractive && (await confirmed('Install it now with npm? (y/N) '))
  if (wanted && installed()) return 'present'
  note(`${wanted ? '\nnpm could not install Claude Code. ' : ''}To install it yourself:\n\n  ${install.join(' ')}\n`)
  return isInteractive ? 'declined' : 'missing'
}

function installed() {
  const [program, ...args] = install
  const { status } = spawnSync(program, args, { stdio: ['inherit', process.stderr, 'inherit'] })
  if (status !== 0 || !hasClaude()) return false
  const version = spawnSync('claude', ['--version'], { encoding: 'utf8' }).stdout ?? ''
  note(`Installed Claude Code ${version.split(' ')[0].trim()}\n`)
  return true
}

/** What `tether` finds; also true where the settings name another claude, which tether checks. */
export function hasClaude() {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean)
  folders.push(join(homedir(), '.local', 'bin'), join(homedir(), '.claude', 'local'))
  return folders.some((folder) => existsSync(join(folder, 'claude'))) || settingsNameClaude()
}

function settingsNameClaude() {
  const folder = join(homedir(), '.tether', 'config')
  try {
    const files = readdirSync(folder).filter((name) => name.endsWith('.toml'))
    return files.some((name) => /^\s*claude_path\s*=/m.test(readFileSync(join(folder, name), 'utf8')))
  } catch {
    return false
  }
}

/** The value of --claude-path. */
function namedIn(args) {
  const own = ownOf(args)
  const at = own.findIndex((arg) => /^--claude-path(=|$)/.test(arg))
  return own[at]?.includes('=') ? own[at].replace(/^[^=]*=/, '') : own[at + 1 || own.length]
}

/** Why the program that the user names cannot be run, in tether's words; undefined if it looks runnable. */
function faultOfNamed(args) {
  const named = namedIn(args)
  if (!named) return undefined
  const file = resolve(named.replace(/^~(?=\/|$)/, homedir()))
  const why = whyNot(file)
  return why && `--claude-path ${file} cannot be run: ${why}`
}

function whyNot(file) {
  try {
    if (!statSync(file).isFile()) return 'it is not a file'
    accessSync(file, constants.X_OK)
    return undefined
  } catch (error) {
    if (error.code === 'EACCES') return 'it is not executable (chmod +x)'
    return ['ENOENT', 'ENOTDIR'].includes(error.code) ? 'no such file' : error.message
  }
}

/** What does not start Claude Code. */
const others = ['--serve-only', '--no-claude', '--list', '--help', '-h', '--version', '-v']

function launchesClaude(args) {
  const own = ownOf(args)
  const isCommand = own.length > 0 && !own[0].startsWith('-')
  return !isCommand && !own.some((arg) => others.includes(arg.replace(/=.*/, '')))
}

/** Without what follows --, which is Claude Code's. */
function ownOf(args) {
  return args.includes('--') ? args.slice(0, args.indexOf('--')) : args
}

/** Only y is a yes. Ctrl-C ends the process as a signal does. */
function confirmed(question) {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  return new Promise((resolve) => {
    const answered = (yes) => {
      lines.removeAllListeners('close')
      lines.close()
      resolve(yes)
    }
    lines.question(question, (answer) => answered(/^\s*y(es)?\s*$/i.test(answer)))
    lines.on('SIGINT', () => {
      process.stderr.write('\n')
      process.exit(130)
    })
    lines.on('close', () => {
      process.stderr.write('\n')
      resolve(false)
    })
  })
}
