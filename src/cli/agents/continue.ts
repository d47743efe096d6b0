/** Continue's terminal agent: a configuration of its own for the run. It speaks OpenAI's chat completions. */
import { join } from 'node:path'
import { type Agent, answerTokens, keyVariable, modelId, patienceMs, trusting } from './agent.js'

export const continueAgent: Agent = {
  title: 'Continue',
  program: 'cn',
  install: ['npm', 'install', '-g', '@continuedev/cli@latest'],
  firstPrompt: 2100,
  resume: ['--resume'],
  wire({ url, token, window, modelName, certificates, folder }) {
    const model = {
      name: modelName,
      provider: 'openai',
      model: modelId(modelName),
      apiBase: `${url}/v1`,
      apiKey: `\${{ secrets.${keyVariable} }}`,
      roles: ['chat', 'edit', 'apply', 'summarize'],
      capabilities: ['tool_use'],
      defaultCompletionOptions: { contextLength: window, maxTokens: answerTokens(window) },
      requestOptions: { timeout: patienceMs / 1000 },
    }
    const config = { name: 'tether', version: '1.0.0', schema: 'v1', models: [model] }
    return {
      env: { [keyVariable]: token, CONTINUE_TELEMETRY_ENABLED: '0', ...trusting(certificates, 'NODE_EXTRA_CA_CERTS') },
      args: ['--config', join(folder, 'continue.yaml')],
      // YAML reads JSON.
      files: { 'continue.yaml': `${JSON.stringify(config, null, 2)}\n` },
    }
  },
}
