/** All agents but Claude Code, by the names that the user types. */
import type { Agent } from './agent.js'
import type { AgentName } from './agent-names.js'
import { aider } from './aider.js'
import { codex } from './codex.js'
import { continueAgent } from './continue.js'
import { opencode } from './opencode.js'
import { pi } from './pi.js'
import { qwen } from './qwen.js'

export const agents: Record<AgentName, Agent> = { codex, opencode, qwen, pi, continue: continueAgent, aider }
