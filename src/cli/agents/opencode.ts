/** opencode: a variable holds configuration that overrides its files. It speaks OpenAI's chat completions. */
import { type Agent, answerTokens, type Env, keyVariable, modelId, trusting } from './agent.js'

export const opencode: Agent = {
  title: 'opencode',
  program: 'opencode',
  install: ['npm', 'install', '-g', 'opencode-ai@latest'],
  firstPrompt: 12_100,
  resume: ['--continue'],
  wire({ url, token, window, modelName, certificates, inherited }) {
    const id = modelId(modelName)
    const model = { name: modelName, tool_call: true, limit: { context: window, output: answerTokens(window) } }
    // A timeout would end a prompt that is read for more than five minutes.
    const options = { baseURL: `${url}/v1`, apiKey: `{env:${keyVariable}}`, timeout: false }
    const ours = {
      model: `tether/${id}`,
      small_model: `tether/${id}`,
      // The user's other agents and commands may name models of other providers.
      enabled_providers: ['tether'],
      share: 'disabled',
      autoupdate: false,
      provider: { tether: { npm: '@ai-sdk/openai-compatible', name: 'tether', options, models: { [id]: model } } },
    }
    return {
      env: {
        [keyVariable]: token,
        OPENCODE_CONFIG_CONTENT: JSON.stringify({ ...theirs(inherited), ...ours }),
        OPENCODE_DISABLE_MODELS_FETCH: '1',
        ...trusting(certificates, 'NODE_EXTRA_CA_CERTS'),
      },
      args: [],
      files: {},
    }
  },
}

/** What the user has in the same variable. opencode itself would say that it is not JSON. */
function theirs({ OPENCODE_CONFIG_CONTENT: text = '{}' }: Env): object {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}
  } catch {
    return {}
  }
}
