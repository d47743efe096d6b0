/** Sizes and windows, short, for people. */

const units = ['B', 'KB', 'MB', 'GB', 'TB']

/** Such as 3.2 GB or 812 MB: powers of 1000. */
export function showSize(bytes: number): string {
  let size = bytes
  let unit = 0
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000
    unit++
  }
  return `${unit > 0 && size < 9.95 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`
}

/** Tokens: 128k, 1M, 300. k is 1024, as makers of models count. */
export function showWindow(tokens: number): string {
  if (tokens < 1024) return String(tokens)
  if (tokens < 1024 * 1000) return `${Math.floor(tokens / 1024)}k`
  return `${Number((tokens / 1024 / 1024).toFixed(1))}M`
}
