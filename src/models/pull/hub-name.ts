/** Reads the name of a model on the hub as a user types or pastes it: ORG/NAME, or the address of one of its pages. */
import { TetherError } from '../../errors.js'
import { parseRepo, type Repo } from '../repo.js'
import { publicHub } from './hub.js'

export interface NameOptions {
  /** The value of --revision; it wins over the revision of an address. */
  revision?: string
  /** HF_ENDPOINT: addresses there are understood too. */
  endpoint?: string
  /** Formats a command of tether for messages. Default: its words after `tether`. */
  command?: (words: string[]) => string
}

const example = 'mlx-community/gemma-4-e2b-it-4bit'
const publicHosts = [new URL(publicHub).host, `www.${new URL(publicHub).host}`, 'hf.co', 'www.hf.co']
/** First parts of paths on the hub that are not organizations. */
const otherPages = ['api', 'collections', 'docs', 'join', 'login', 'models', 'organizations', 'papers', 'settings']
/** Pages of a repository whose address goes on with a revision. */
const pagesOfRevision = ['blob', 'commit', 'commits', 'raw', 'resolve', 'tree']

/** Throws `model_not_found`, saying what a right name looks like. */
export function readHubName(text: string, options: NameOptions = {}): Repo {
  const { revision, endpoint = publicHub, command = plain } = options
  const asked = read(text.trim().replace(/^<(.*)>$/, '$1'), endpoint)
  if (typeof asked === 'string') {
    const commands = [example, `${publicHub}/${example}`].map((name) => `\n  ${command(['pull', name])}`).join('')
    throw new TetherError('model_not_found', `${asked}\nUse ORG/NAME or the address of the model's page:${commands}`)
  }
  const wanted = revision?.trim() ?? asked.revision
  if (wanted === undefined || wanted === 'main') return { name: asked.name }
  const repo = parseRepo(`${asked.name}@${wanted}`)
  if (!repo) throw new TetherError('model_not_found', `not a revision: ${wanted}. Use a branch, a tag or a commit.`)
  return repo
}

function plain(words: string[]): string {
  return ['tether', ...words].join(' ')
}

/** -> what is wrong with it, if it names no model */
function read(typed: string, endpoint: string): Repo | string {
  const path = pathOnHub(typed, endpoint)
  if (path === elsewhere) return `not an address of ${new URL(endpoint).host}: ${typed}`
  const asked = path === undefined ? parseRepo(typed) : repoOfPath(path, typed)
  return asked ?? notAName(typed)
}

/** ORG/NAME or ORG/NAME@REVISION in an address on the hub; undefined for anything else. */
export function nameInAddress(text: string, endpoint = process.env.HF_ENDPOINT ?? publicHub): string | undefined {
  try {
    const path = pathOnHub(text.trim(), endpoint)
    if (path === undefined || path === elsewhere) return undefined
    const { name, revision } = readHubName(text, { endpoint })
    return revision === undefined ? name : `${name}@${revision}`
  } catch {
    return undefined
  }
}

const elsewhere = Symbol('an address of another site')

/** The path of an address on the hub, without slashes around it. undefined for what is not an address. */
function pathOnHub(text: string, endpoint: string): string | typeof elsewhere | undefined {
  const hosts = [...publicHosts, ...(URL.canParse(endpoint) ? [new URL(endpoint).host] : [])]
  const [, scheme, rest = ''] = /^(?:(https?|hf):\/\/)?(.*)$/i.exec(text) ?? []
  const ssh = /^git@([\w.-]+):(.*)$/.exec(rest)
  const whole = ssh ? `${ssh[1]}/${ssh[2]}` : rest
  const [host = '', ...parts] = whole.replace(/[?#].*$/, '').split('/')
  if (scheme?.toLowerCase() === 'hf') return [host, ...parts].join('/')
  if (hosts.includes(host.toLowerCase())) return parts.join('/')
  return scheme || ssh ? elsewhere : undefined
}

/** -> what is wrong with it, if it is known; undefined for any other page */
function repoOfPath(path: string, text: string): Repo | string | undefined {
  const [organization = '', name = '', page, ...rest] = path.split('/').filter((part) => part !== '')
  if (organization === 'datasets' || organization === 'spaces') {
    const what = organization === 'datasets' ? 'a dataset' : 'a space'
    return `${text} is ${what}, not a model`
  }
  if (otherPages.includes(organization)) return undefined
  const revision = page !== undefined && pagesOfRevision.includes(page) ? revisionOf(rest) : ''
  return parseRepo(`${organization}/${name.replace(/\.git$/, '')}${revision}`)
}

/** `@REVISION`. A reference such as refs/pr/3 is written as one part or as three. */
function revisionOf([first, ...more]: string[]): string {
  if (first === undefined) return ''
  return `@${first === 'refs' ? [first, ...more.slice(0, 2)].join('/') : first.replaceAll(/%2F/gi, '/')}`
}

function notAName(text: string): string {
  const tag = /^(?:hf\.co\/|huggingface\.co\/)?([\w-][\w.-]*\/[\w-][\w.-]*):[\w.-]+$/.exec(text)
  const why = tag ? ' (a tag after a colon names a GGUF file, which tether does not read)' : ''
  return `not a repository name: ${text}${why}`
}
