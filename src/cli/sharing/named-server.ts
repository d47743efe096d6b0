/** The server that a command means: the one that runs, or the one with this model. */
import { TetherError } from '../../errors.js'
import { oneLine } from '../../one-line.js'
import { type ServerRecord, serverRecords } from '../serving/running-servers.js'
import { tetherCommand } from '../tether-command.js'

/**
 * `model`: its name, the last part of it, its port or its process. Throws `no_server` where none or several are meant;
 * `command` is then what to type with a name.
 */
export function namedServer(model: string | undefined, command: string): ServerRecord {
  const all = serverRecords()
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
  const running = all.map(({ model: name }) => oneLine(name)).join(', ')
  throw new TetherError('no_server', `no server runs ${oneLine(String(model))}. Running: ${running}`)
}

function isMeant({ model, url, pid }: ServerRecord, word: string): boolean {
  // Also without the adapter that its name ends with.
  const names = [model, model.replace(/:[^/]*$/, '')].flatMap((name) => [name, name.split('/').at(-1)])
  return [...names, new URL(url).port, String(pid)].includes(word)
}
