/** Qwen Code: flags and variables override its settings. It speaks OpenAI's chat completions. */
import { join } from 'node:path'
import { type Agent, modelId, patienceMs, trusting } from './agent.js'

export const qwen: Agent = {
  title: 'Qwen Code',
  program: 'qwen',
  install: ['npm', 'install', '-g', '@qwen-code/qwen-code@latest'],
  firstPrompt: 22_800,
  resume: ['--continue'],
  wire({ url, token, window, modelName, certificates, folder }) {
    const id = modelId(modelName)
    const defaults = {
      model: { generationConfig: { contextWindowSize: window, timeout: patienceMs } },
      general: { enableAutoUpdate: false },
      privacy: { usageStatisticsEnabled: false },
      // It reads each conversation once more in the background, which takes a local model as long as the conversation.
      memory: { enableManagedAutoMemory: false },
    }
    return {
      env: {
        OPENAI_API_KEY: token,
        OPENAI_BASE_URL: `${url}/v1`,
        OPENAI_MODEL: id,
        QWEN_MODEL: '',
        QWEN_CODE_API_TIMEOUT_MS: String(patienceMs),
        QWEN_CODE_SYSTEM_DEFAULTS_PATH: join(folder, 'qwen.json'),
        ...trusting(certificates, 'NODE_EXTRA_CA_CERTS'),
      },
      args: ['--auth-type', 'openai', '--openai-base-url', `${url}/v1`, '--model', id],
      files: { 'qwen.json': `${JSON.stringify(defaults, null, 2)}\n` },
    }
  },
}
