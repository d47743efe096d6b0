/** A date as Python's strftime writes it in the C locale. The date is read in UTC. */

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]

const COMPOSED: Record<string, string> = {
  D: '%m/%d/%y',
  F: '%Y-%m-%d',
  R: '%H:%M',
  T: '%H:%M:%S',
  X: '%H:%M:%S',
  c: '%a %b %e %H:%M:%S %Y',
  h: '%b',
  r: '%I:%M:%S %p',
  x: '%m/%d/%y',
}

const pad = (value: number, width: number, filler = '0') => String(value).padStart(width, filler)

const FIELDS: Record<string, (date: Date) => string> = {
  '%': () => '%',
  A: (date) => DAYS[date.getUTCDay()] as string,
  B: (date) => MONTHS[date.getUTCMonth()] as string,
  C: (date) => pad(Math.floor(date.getUTCFullYear() / 100), 2),
  G: (date) => String(thursday(date).getUTCFullYear()),
  H: (date) => pad(date.getUTCHours(), 2),
  I: (date) => pad(date.getUTCHours() % 12 || 12, 2),
  M: (date) => pad(date.getUTCMinutes(), 2),
  P: (date) => (date.getUTCHours() < 12 ? 'am' : 'pm'),
  S: (date) => pad(date.getUTCSeconds(), 2),
  U: (date) => pad(Math.floor((dayOfYear(date) + 7 - date.getUTCDay()) / 7), 2),
  V: (date) => pad(Math.ceil(dayOfYear(thursday(date)) / 7 + 1 / 7), 2),
  W: (date) => pad(Math.floor((dayOfYear(date) + 7 - ((date.getUTCDay() + 6) % 7)) / 7), 2),
  Y: (date) => String(date.getUTCFullYear()),
  Z: () => '',
  a: (date) => (DAYS[date.getUTCDay()] as string).slice(0, 3),
  b: (date) => (MONTHS[date.getUTCMonth()] as string).slice(0, 3),
  d: (date) => pad(date.getUTCDate(), 2),
  e: (date) => pad(date.getUTCDate(), 2, ' '),
  f: (date) => pad(date.getUTCMilliseconds() * 1000, 6),
  g: (date) => pad(thursday(date).getUTCFullYear() % 100, 2),
  j: (date) => pad(dayOfYear(date) + 1, 3),
  k: (date) => pad(date.getUTCHours(), 2, ' '),
  l: (date) => pad(date.getUTCHours() % 12 || 12, 2, ' '),
  m: (date) => pad(date.getUTCMonth() + 1, 2),
  n: () => '\n',
  p: (date) => (date.getUTCHours() < 12 ? 'AM' : 'PM'),
  s: (date) => String(Math.floor(date.getTime() / 1000)),
  t: () => '\t',
  u: (date) => String(date.getUTCDay() || 7),
  w: (date) => String(date.getUTCDay()),
  y: (date) => pad(date.getUTCFullYear() % 100, 2),
  z: () => '',
}

/** `%-d` leaves out zeros in front. An unknown field stays as it is. */
export function strftime(date: Date, format: string): string {
  return format.replace(/%([-_0^#]?)([\s\S])/g, (whole, flag: string, name: string) => {
    const composed = COMPOSED[name]
    const text = composed !== undefined ? strftime(date, composed) : FIELDS[name]?.(date)
    if (text === undefined) return whole
    if (flag === '^') return text.toUpperCase()
    if (flag === '-') return text.replace(/^[0 ]+(?=.)/, '')
    return flag === '_' ? text.replace(/^0+(?=.)/, (zeros) => ' '.repeat(zeros.length)) : text
  })
}

/** From 0. */
function dayOfYear(date: Date): number {
  return Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000)
}

/** Of the same week: it decides which year the week belongs to. */
function thursday(date: Date): Date {
  return new Date(date.getTime() + (4 - (date.getUTCDay() || 7)) * 86_400_000)
}
