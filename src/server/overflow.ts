/** What happens to a prompt that does not fit the window, by the client that sent it. */
import { TetherError } from '../errors.js'
import type { Overflow } from '../turn/types.js'

export type OnOverflow = 'auto' | Overflow

/** Claude Code compacts the conversation after the error; other clients would only show it. */
export function overflowFor(onOverflow: OnOverflow, userAgent: string | null): Overflow {
  if (onOverflow !== 'auto') return onOverflow
  return /^claude-(cli|code)\//i.test(userAgent ?? '') ? 'error' : 'truncate'
}

export function checkOverflow(onOverflow: OnOverflow = 'auto'): OnOverflow {
  if (['auto', 'truncate', 'error'].includes(onOverflow)) return onOverflow
  throw new TetherError('bad_config', `onOverflow must be auto, truncate or error, not ${String(onOverflow)}`)
}
