/** A request, and the text that answers it. */
export const ASKED: [string, string][]
/** By name: what is repeated without end. */
export const LOOPS: Record<string, string>
export const ORDINARY: string[]
