/** Environment variables as commands of a shell, for `eval` and its like. */

export type Shell = 'sh' | 'fish' | 'powershell' | 'json'

/** A variable with an empty value is one to take away. */
export function exportLines(variables: Record<string, string>, shell: Shell): string {
  if (shell === 'json') return `${JSON.stringify(variables, null, 2)}\n`
  const lines = Object.entries(variables).map(([name, value]) => (value === '' ? unset : set)[shell](name, value))
  return `${lines.join('\n')}\n`
}

type Line = (name: string, value: string) => string
type LineOf = Record<Exclude<Shell, 'json'>, Line>

const set: LineOf = {
  sh: (name, value) => `export ${name}='${value.replaceAll("'", "'\\''")}'`,
  fish: (name, value) => `set -gx ${name} '${value.replace(/[\\']/g, '\\$&')}'`,
  powershell: (name, value) => `$env:${name} = '${value.replaceAll("'", "''")}'`,
}

const unset: LineOf = {
  sh: (name) => `unset ${name}`,
  fish: (name) => `set -e ${name}`,
  powershell: (name) => `Remove-Item Env:${name} -ErrorAction SilentlyContinue`,
}

/** By the name that was asked for, else by the user's login shell. */
export function chooseShell(asked: string | undefined, env: Record<string, string | undefined>): Shell {
  const name = asked ?? env.SHELL?.split('/').at(-1) ?? (process.platform === 'win32' ? 'powershell' : 'sh')
  if (name === 'pwsh' || name === 'powershell') return 'powershell'
  return name === 'fish' || name === 'json' ? name : 'sh'
}
