/** The findings of `tether doctor`, and their report for a terminal. */
import { painter } from '../terminal/colour.js'
import { wrap } from '../terminal/wrap.js'

/** `note`: it works, but could be better. */
export type Verdict = 'ok' | 'note' | 'fail'

export interface Finding {
  /** What was checked, such as `claude`. */
  about: string
  verdict: Verdict
  detail: string
  /** What to do; a command is on an indented line of its own. Always set for `fail`. */
  fix?: string
}

const marks = { ok: 'ok', note: 'note', fail: 'FAIL' } as const
const colours = { ok: 'green', note: 'yellow', fail: 'red' } as const
/** The column at which the text begins. */
const column = 18

export function doctorReport(findings: Finding[], { width, title }: { width: number; title: string }): string {
  const paint = painter(process.stdout)
  const lines = findings.flatMap(({ about, verdict, detail, fix }) => {
    const head = `  ${paint(colours[verdict], marks[verdict].padEnd(5))} ${about.padEnd(column - 8)}`
    const text = [...wrap(detail, width - column), ...(fix ? fixLines(`-> ${fix}`, width - column) : [])]
    return text.map((line, i) => (i === 0 ? head : ' '.repeat(column)) + line)
  })
  const failed = findings.filter(({ verdict }) => verdict === 'fail').length
  const sum = failed === 0 ? 'No problems found.' : `${failed} ${failed === 1 ? 'problem' : 'problems'} to fix.`
  return `${title}\n\n${lines.join('\n')}\n\n${sum}\n`
}

/** Wrapped, but for commands, which are to be pasted. */
function fixLines(fix: string, width: number): string[] {
  return fix.split('\n').flatMap((line) => (line.startsWith(' ') ? [line] : wrap(line, width)))
}
