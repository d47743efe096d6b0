export interface Random {
  /** A whole number in [0, below). */
  below(below: number): number
  pick<T>(from: readonly T[]): T
  chance(share: number): boolean
}

export function seeded(seed: number): Random
export const SPACES: string[]
export const CODE: string[]
