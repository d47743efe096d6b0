/** What one setting is: a flag, and a key of the configuration files. */

export interface Setting {
  /** The TOML table that its key is in. */
  section: 'server' | 'model' | 'sampling' | 'launch'
  key: string
  /** Without leading dashes. Default: the key, with - for _. */
  flag?: string
  kind: 'text' | 'key' | 'path' | 'size' | 'duration' | 'whole' | 'number' | 'choice' | 'switch'
  /** The value when nothing sets it. A setting without one is then `auto`, or empty if it is a text or a path. */
  default?: string | number | boolean
  /** The range of a number. */
  least?: number
  most?: number
  /** The only values of a whole number. */
  among?: readonly number[]
  /** The words of a choice; those that may stand for a path. */
  of?: readonly string[]
  /** A path that may also be the name of a model. */
  orName?: true
  /** Synonyms of choices. */
  also?: Readonly<Record<string, string>>
  /** Several texts or paths, with commas between them: a file may also give a list, and a flag be given several times. */
  list?: true
  /** The placeholder for the value in --help. */
  hint?: string
  /** For --help and for the template: lower case, no full stop; the default is added where there is one. */
  help: string
  /** Whether [models."NAME"] may set it for one model. */
  perModel?: true
}
