/** Fills in what an addon without blocks does not say. */
import type { NativeFinish, NativeInfo, NativeStats } from '../binding.js'
import type { CacheStats, EngineInfo, EngineStats, Finish } from './types.js'

const noCache: CacheStats = {
  memoryBytes: 0,
  diskBytes: 0,
  diskCap: 0,
  blocks: 0,
  hitTokens: { live: 0, memory: 0, disk: 0 },
  written: 0,
  read: 0,
  evictedMemory: 0,
  evictedDisk: 0,
  damaged: 0,
  notices: [],
}

export function wholeFinish(finish: NativeFinish): Finish {
  const computedTokens = finish.promptTokens - finish.cachedTokens
  return { createdTokens: 0, computedTokens, miss: null, ...finish }
}

export function wholeInfo(info: NativeInfo): Omit<EngineInfo, 'stopTokens'> {
  return { fingerprint: '', ...info }
}

export function wholeStats(stats: NativeStats): EngineStats {
  return { cache: noCache, ...stats }
}
