/** What an agent is to tether, and what it is told of a server. */

export interface Wiring {
  /** The server's origin, such as http://127.0.0.1:8080. */
  url: string
  /** The key that the server expects. */
  token: string
  /** Tokens of prompt and answer together. */
  window: number
  /** As shown to the user. */
  modelName: string
  /** The name of the model for background requests. Unset: there is none. */
  smallModel?: string
  /** The path of what is to be trusted besides the system's certificates. Unset: the server speaks plain HTTP. */
  certificates?: string
}

export type Env = Record<string, string | undefined>

export interface Agent {
  /** As people write it. */
  title: string
  /** The name of its program. */
  program: string
  /** What installs it. */
  install: readonly string[]
  /** Tokens of its first prompt, counted with the demo model: other vocabularies have fewer. Unset: not counted. */
  firstPrompt?: number
  /** Its arguments that continue its last conversation. Unset: it has none. */
  resume?: readonly string[]
  wire(wiring: AgentWiring): Wired
}

export interface AgentWiring extends Wiring {
  /** The private folder that its files will be in. */
  folder: string
  /** What the user's own environment has. */
  inherited: Env
}

/** How an agent is told of a server: for one run, in nobody's settings file. */
export interface Wired {
  /** Set in its environment; what is empty is unset. */
  env: Record<string, string>
  /** They come before the user's own. */
  args: string[]
  /** Files of the private folder, by their names. They have no key in them. */
  files: Record<string, string>
}

/** The variable that holds the server's key for agents that let one choose its name. */
export const keyVariable = 'TETHER_API_KEY'

/** The model's name, as an agent's settings and flags can hold it. */
export function modelId(modelName: string): string {
  return /\p{Cc}/u.test(modelName) || modelName.startsWith('-') ? 'tether-local' : modelName
}

/** The most tokens of one answer, where an agent has to be told: a quarter of the window at most. */
export function answerTokens(window: number): number {
  return Math.max(1, Math.min(16_384, Math.floor(window / 4)))
}

/** Of a request, where an agent would give up earlier: a long prompt takes long on a small machine. */
export const patienceMs = 3_600_000

/** The variables that name the file of certificates to trust, for a server that has one. */
export function trusting(certificates: string | undefined, ...names: string[]): Record<string, string> {
  return Object.fromEntries(certificates === undefined ? [] : names.map((name) => [name, certificates]))
}
