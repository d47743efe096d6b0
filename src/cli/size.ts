/** Sizes as people write them, such as 18GB, 20GiB, 1.5g or 4096, to bytes. */

const powers = ['', 'k', 'm', 'g', 't']

/** Without an i the units are powers of 1000 (18G is 18GB), with it powers of 1024. undefined for what is no size. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?|\.\d+)\s*(?:([kmgt])(i?)b?|b)?$/i.exec(text.trim())
  if (!match) return undefined
  const [, number, unit = '', binary] = match
  const bytes = Number(number) * (binary ? 1024 : 1000) ** powers.indexOf(unit.toLowerCase())
  return Number.isSafeInteger(Math.round(bytes)) ? Math.round(bytes) : undefined
}
