/** The files that make tether serve start with the user's session: a systemd unit, or a launchd agent. */
import { homedir } from 'node:os'
import { join } from 'node:path'

export interface Service {
  /** The words of the command, each path in them absolute. */
  command: string[]
  /** Variables that a session may lack. */
  env: Record<string, string>
}

export type System = 'systemd' | 'launchd'

/** launchd's name of it. */
export const label = 'tether.serve'

/** Where the file belongs. */
export function unitPath(system: System, env: NodeJS.ProcessEnv = process.env, home = homedir()): string {
  if (system === 'launchd') return join(home, 'Library', 'LaunchAgents', `${label}.plist`)
  return join(env.XDG_CONFIG_HOME || join(home, '.config'), 'systemd', 'user', 'tether.service')
}

export function unitText(system: System, service: Service): string {
  return system === 'launchd' ? launchdAgent(service) : systemdUnit(service)
}

/** Five starts that fail within five minutes are the last. A stop that was asked for ends with status 0, so it stays stopped. */
function systemdUnit({ command, env }: Service): string {
  const variables = Object.entries(env).map(([name, value]) => `Environment=${systemdWord(`${name}=${value}`)}`)
  return `[Unit]
Description=tether, a local model served on this machine
StartLimitIntervalSec=300
StartLimitBurst=5

[Service]
Type=exec
ExecStart=${command.map(commandWord).join(' ')}
${variables.join('\n')}
Restart=on-failure
RestartSec=5

[Install]
WantedBy=default.target
`
}

/** In the path of the program itself systemd looks for no variables. */
function commandWord(word: string, index: number): string {
  return index === 0 ? systemdWord(word) : systemdWord(word).replaceAll('$', '$$$$')
}

/** In quotes, with what systemd would replace written twice. */
function systemdWord(word: string): string {
  return `"${word.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%')}"`
}

function launchdAgent({ command, env }: Service): string {
  const variables = Object.entries(env).map(
    ([name, value]) => `    <key>${name}</key>\n    <string>${xml(value)}</string>`,
  )
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${label}</string>
  <key>ProgramArguments</key>
  <array>
${command.map((word) => `    <string>${xml(word)}</string>`).join('\n')}
  </array>
  <key>EnvironmentVariables</key>
  <dict>
${variables.join('\n')}
  </dict>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <key>ThrottleInterval</key>
  <integer>30</integer>
  <key>ProcessType</key>
  <string>Interactive</string>
</dict>
</plist>
`
}

function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
