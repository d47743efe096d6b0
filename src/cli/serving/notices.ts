/** Logs what goes wrong with the files of the prefix cache: each fault once, when the next request has ended. */
import type { Model } from '../../index.js'
import type { Log } from '../log/log.js'

export function noticeLog(log: Pick<Log, 'warning'>): (model: Pick<Model, 'stats'>) => void {
  const told = new Set<string>()
  return (model) => {
    for (const notice of model.stats().cache.notices) {
      if (told.has(notice)) continue
      told.add(notice)
      log.warning(notice)
    }
  }
}
