/** Lines that a shell evaluates: variables, and a program with arguments of its own. */

export type Shell = 'sh' | 'fish' | 'powershell' | 'json'

/** Commands of a shell that set variables, for `eval`. Variables with an empty value are unset. */
export function exportLines(variables: Record<string, string>, shell: Shell): string {
  if (shell === 'json') return `${JSON.stringify(variables, null, 2)}\n`
  const lines = Object.entries(variables).map(([name, value]) => (value === '' ? unset : set)[shell](name, value))
  return `${lines.join('\n')}\n`
}

type Line = (name: string, value: string) => string
type LineOf = Record<Exclude<Shell, 'json'>, Line>

const quotes: Record<Exclude<Shell, 'json'>, (text: string) => string> = {
  sh: (text) => `'${text.replaceAll("'", "'\\''")}'`,
  fish: (text) => `'${text.replace(/[\\']/g, '\\$&')}'`,
  powershell: (text) => `'${text.replaceAll("'", "''")}'`,
}

const set: LineOf = {
  sh: (name, value) => `export ${name}=${quotes.sh(value)}`,
  fish: (name, value) => `set -gx ${name} ${quotes.fish(value)}`,
  powershell: (name, value) => `$env:${name} = ${quotes.powershell(value)}`,
}

const unset: LineOf = {
  sh: (name) => `unset ${name}`,
  fish: (name) => `set -e ${name}`,
  powershell: (name) => `Remove-Item Env:${name} -ErrorAction SilentlyContinue`,
}

const program: LineOf = {
  sh: (name, words) => `${name}() { command ${name} ${words} "$@"; }`,
  fish: (name, words) => `function ${name}; command ${name} ${words} $argv; end`,
  powershell: (name, words) =>
    `function ${name} { & (Get-Command -CommandType Application ${name})[0] ${words} @args }`,
}

/** A function of the shell, named as the program, that runs it with these words before the user's own. */
export function programLine(name: string, words: string[], shell: Exclude<Shell, 'json'>): string {
  return `${program[shell](name, words.map(quotes[shell]).join(' '))}\n`
}
