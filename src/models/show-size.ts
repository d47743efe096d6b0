/** Sizes in bytes as text, such as 3.2 GB or 812 MB. */

const units = ['B', 'KB', 'MB', 'GB', 'TB']

/** Units are powers of 1000. */
export function showSize(bytes: number): string {
  let size = bytes
  let unit = 0
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000
    unit++
  }
  return `${unit > 0 && size < 9.95 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`
}
