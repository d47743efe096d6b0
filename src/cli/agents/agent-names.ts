/** The agents that `tether launch` knows, by the names that the user types. */
export const agentNames = ['claude', 'codex', 'opencode', 'qwen', 'pi', 'continue', 'aider'] as const

/** Those without a command of their own: tether itself launches Claude Code. */
export type AgentName = Exclude<(typeof agentNames)[number], 'claude'>

/** For `tether env --for`, besides these: any client of a protocol. */
export const clientNames = [...agentNames, 'anthropic', 'openai'] as const
export type ClientName = (typeof clientNames)[number]
