/** A model's name on the hub, as it is written on a command line: org/name or org/name@revision. */

export interface Repo {
  /** org/name */
  name: string
  /** A branch, tag or commit; unset: main. */
  revision?: string
}

/** A name, as shells complete it where a folder of that name is. */
export function withoutSlash(text: string): string {
  return text.replace(/(?<=[^/])\/+$/, '')
}

/** undefined for what cannot be one, such as a path or a plain name. */
export function parseRepo(text: string): Repo | undefined {
  const match = /^([\w-][\w.-]*\/[\w-][\w.-]*)(?:@([\w-][\w./-]*))?$/.exec(withoutSlash(text))
  const [, name, revision] = match ?? []
  if (name === undefined || /\.\.|--/.test(text)) return undefined
  return { name, revision }
}
