/** `tether service`: makes tether serve start with the user's session, by systemd or launchd. */
import { spawnSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, readlinkSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { makeFolder } from '../../make-folder.js'
import { realPath } from '../../models/real-path.js'
import { oneLine, reasonOf } from '../../one-line.js'
import { type Call, UsageError } from '../args.js'
import type { Config } from '../config/read-config.js'
import { packageRoot } from '../package.js'
import { checkService } from '../service/check-service.js'
import { planService } from '../service/plan-service.js'
import { label, type System, unitPath, unitText } from '../service/unit.js'
import { type ServerRecord, serverRecords } from '../serving/running-servers.js'
import { quoted } from '../terminal/quoted.js'
import { say } from '../terminal/say.js'
import { givenFlags } from '../tether-command.js'

/** -> the exit status. Throws UsageError, and TetherError for what the service could not start with. */
export async function runService({ words: [action], flags }: Call, config: Config): Promise<number> {
  const { settings } = config
  const system: System = process.platform === 'darwin' ? 'launchd' : 'systemd'
  if (process.platform === 'win32')
    throw new UsageError('tether service knows systemd and launchd, which Windows lacks')
  const path = unitPath(system)
  if (action !== 'install' && givenFlags().length > 0)
    throw new UsageError(`tether service ${action} takes no flags; install does`)
  if (action === 'status') return status(system, path)
  if (action === 'uninstall') return uninstall(system, path)
  const service = planService({
    node: process.execPath,
    program: join(resolve(packageRoot), 'bin', 'tether.mjs'),
    // The key is not among those, so that it is in no command; whether it was given, only the settings say.
    flags: [...givenFlags((flag) => flag !== '--dry-run'), ...keyFlag()],
    readsInput: settings.apiKeyFile === '-',
    hasModel: settings.model !== undefined,
    env: process.env,
  })
  await checkService(config)
  const text = unitText(system, service)
  if (flags['dry-run']) {
    process.stdout.write(text)
    return 0
  }
  return install(system, path, text)
}

function keyFlag(): string[] {
  return process.argv.some((word) => /^--api-key(=|$)/.test(word)) ? ['--api-key'] : []
}

function install(system: System, path: string, text: string): number {
  if (packageRoot.includes('/_npx/'))
    say('warning: this tether is in the cache of npx, which npm may clear. Install it with npm install -g')
  try {
    write(path, text)
  } catch (error) {
    say(`${oneLine(path)} cannot be written: ${reasonOf(error)}`)
    return 1
  }
  say(`wrote ${shown(path)}`)
  const before = system === 'launchd' ? [] : [['systemctl', '--user', 'daemon-reload']]
  const starts =
    system === 'launchd'
      ? [['launchctl', 'bootstrap', domain(), path]]
      : [
          ['systemctl', '--user', 'enable', 'tether.service'],
          // Also where another one runs already: with the flags that it has now.
          ['systemctl', '--user', 'restart', 'tether.service'],
        ]
  if (system === 'launchd') run(['launchctl', 'bootout', `${domain()}/${label}`])
  return perform([...before, ...starts], 'It could not be started here. To start it:')
}

/** A link stays, as of people who keep such files elsewhere: the file that it leads to is written. */
function write(path: string, text: string): void {
  makeFolder(join(homedir(), '.tether', 'logs'), 0o700)
  mkdirSync(dirname(path), { recursive: true })
  const file = realPath(path)
  // systemd's mask is a link to a device.
  if (isLink(path) && !statSync(path, { throwIfNoEntry: false })?.isFile())
    throw new Error(`it is a link to ${readlinkSync(path)}, which is no file. Remove the link, or install a file there`)
  // Renamed into place: a full disk leaves the file that was there.
  writeFileSync(`${file}.part`, text, { mode: 0o600 })
  renameSync(`${file}.part`, file)
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true
}

/** A path with where it leads, if it is a link. */
function shown(path: string): string {
  return isLink(path) ? `${oneLine(realPath(path))}, to which ${oneLine(path)} is a link` : oneLine(path)
}

function uninstall(system: System, path: string): number {
  if (!existsSync(path)) {
    say('no service is installed')
    return 1
  }
  const stop =
    system === 'launchd'
      ? [['launchctl', 'bootout', `${domain()}/${label}`]]
      : [['systemctl', '--user', 'disable', '--now', 'tether.service']]
  perform(stop, 'It could not be stopped here. If it runs, to stop it:')
  const stays = isLink(path) ? `, a link: ${oneLine(realPath(path))} stays` : ''
  rmSync(path, { force: true })
  if (system === 'systemd') run(['systemctl', '--user', 'daemon-reload'])
  say(`removed ${oneLine(path)}${stays}`)
  return 0
}

function status(system: System, path: string): number {
  const isThere = existsSync(path)
  const pid = isThere ? processOf(system) : undefined
  const server = serverRecords().find((record) => record.pid === pid)
  process.stdout.write(`${statusLines({ path, isThere, pid, server }).join('\n')}\n`)
  return server ? 0 : 1
}

export interface ServiceState {
  path: string
  isThere: boolean
  /** Of its process, if the system says that there is one. */
  pid?: number
  server?: ServerRecord
}

export function statusLines({ path, isThere, pid, server }: ServiceState): string[] {
  if (!isThere) return ['no service is installed']
  if (server) {
    const loading = server.window === undefined ? ', which is loading' : ''
    return [
      `file: ${oneLine(path)}`,
      `process: ${pid}`,
      `model: ${oneLine(server.model)}${loading}`,
      `address: ${server.url}`,
    ]
  }
  const state =
    pid === undefined ? 'it does not run, or cannot be asked here' : `process ${pid}, which does not serve yet`
  return [`file: ${oneLine(path)}`, state]
}

function processOf(system: System): number | undefined {
  const asked =
    system === 'launchd'
      ? run(['launchctl', 'list', label])
      : run(['systemctl', '--user', 'show', '--property=MainPID', '--value', 'tether.service'])
  const pid = Number(/"PID" = (\d+)|^(\d+)$/m.exec(asked.output)?.slice(1).find(Boolean))
  return asked.isDone && pid > 0 ? pid : undefined
}

/** -> 0, or 1 where one of them fails: then all are said. */
function perform(commands: string[][], instead: string): number {
  for (const command of commands) {
    const { isDone, output } = run(command)
    if (isDone) continue
    const lines = commands.map((each) => `  ${each.map(quoted).join(' ')}`)
    say([...(output ? [oneLine(output)] : []), instead, ...lines].join('\n'))
    return 1
  }
  return 0
}

/** `output`: what it prints, or why it cannot be run. */
function run([program = '', ...args]: string[]): { isDone: boolean; output: string } {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', timeout: 30_000 })
  return { isDone: status === 0, output: error ? `${program}: ${error.message}` : `${stdout}${stderr}`.trim() }
}

/** launchd's name of this user's session. */
function domain(): string {
  return `gui/${userInfo().uid}`
}
