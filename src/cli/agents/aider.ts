/** aider: variables override its files. It speaks OpenAI's chat completions. */
import { join } from 'node:path'
import { type Agent, answerTokens, modelId, patienceMs, trusting } from './agent.js'

export const aider: Agent = {
  title: 'aider',
  program: 'aider',
  install: ['python3', '-m', 'pip', 'install', 'aider-chat'],
  resume: ['--restore-chat-history'],
  wire({ url, token, window, modelName, certificates, folder }) {
    const model = `openai/${modelId(modelName)}`
    const about = {
      max_input_tokens: window,
      max_output_tokens: answerTokens(window),
      input_cost_per_token: 0,
      output_cost_per_token: 0,
      litellm_provider: 'openai',
      mode: 'chat',
    }
    return {
      env: {
        OPENAI_API_KEY: token,
        OPENAI_API_BASE: `${url}/v1`,
        AIDER_OPENAI_API_KEY: token,
        AIDER_OPENAI_API_BASE: `${url}/v1`,
        AIDER_MODEL: model,
        AIDER_WEAK_MODEL: model,
        AIDER_EDITOR_MODEL: model,
        AIDER_MODEL_METADATA_FILE: join(folder, 'aider.json'),
        AIDER_TIMEOUT: String(patienceMs / 1000),
        AIDER_ANALYTICS: 'false',
        AIDER_CHECK_UPDATE: 'false',
        AIDER_SHOW_MODEL_WARNINGS: 'false',
        // A list of prices that it would fetch.
        LITELLM_LOCAL_MODEL_COST_MAP: 'True',
        ...trusting(certificates, 'SSL_CERT_FILE', 'REQUESTS_CA_BUNDLE'),
      },
      args: [],
      files: { 'aider.json': `${JSON.stringify({ [model]: about }, null, 2)}\n` },
    }
  },
}
