/** The server that a command means: the one that runs, or the one with this model. */
import { TetherError } from '../../errors.js'
import { oneLine } from '../../one-line.js'
import { type ServerRecord, serverRecords } from '../serving/running-servers.js'
import { tetherCommand } from '../tether-command.js'

/**
 * `model`: its name, the last part of it, its port or its process. Throws `no_server` where none or several are meant;
 * `command` is then what to type with a name.
 */
export function namedServer(model: string | undefined, command: string, all = serverRecords()): ServerRecord {
  const meant = model === undefined ? all : all.filter((record) => isMeant(record, model))
  const [only, ...others] = meant
  if (only && others.length === 0) return only
  if (only) {
    const ports = meant.map(
      ({ url, model: name }) => `  ${tetherCommand([command, new URL(url).port])}   # ${oneLine(name)}`,
    )
    throw new TetherError('no_server', `${meant.length} servers run. To name one by its port:\n${ports.join('\n')}`)
  }
  if (all.length === 0) throw new TetherError('no_server', 'no tether is running')
  // To end it would also end the others, which its user has not named.
  const host = all.find(({ shared }) => shared?.others?.some(({ name }) => isName(name, String(model))))
  if (host) {
    const what = `${oneLine(String(model))} is one of the models of the server of ${oneLine(host.model)}`
    const how = `${tetherCommand([command, new URL(host.url).port])}`
    throw new TetherError('no_server', `${what}. To name that server:\n  ${how}`)
  }
  const running = all.map(({ model: name }) => oneLine(name)).join(', ')
  throw new TetherError('no_server', `no server runs ${oneLine(String(model))}. Running: ${running}`)
}

function isMeant({ model, url, pid }: ServerRecord, word: string): boolean {
  // Also without the adapter that its name ends with.
  const isModel = isName(model, word) || isName(model.replace(/:[^/]*$/, ''), word)
  return isModel || [new URL(url).port, String(pid)].includes(word)
}

/** Whole, or its last part. */
function isName(name: string, word: string): boolean {
  return name === word || name.split('/').at(-1) === word
}
