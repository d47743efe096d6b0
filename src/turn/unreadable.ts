/** What stands in a prompt for an image, a sound or a file, which a text model cannot read. */

export interface Unreadable {
  /** Such as `image`. */
  kind: string
  bytes: number
  mediaType?: string
  name?: string
}

/** Such as `[image/png image, 12 kB: this model cannot see images]`. */
export function describeUnreadable({ kind, bytes, mediaType, name }: Unreadable): string {
  const what = [mediaType, kind, name && JSON.stringify(name)].filter(Boolean).join(' ')
  const size = bytes > 0 ? `, ${Math.max(1, Math.round(bytes / 1000))} kB` : ''
  const why = kind === 'image' ? 'cannot see images' : `cannot read ${kind} blocks`
  return `[${what}${size}: this model ${why}]`
}
