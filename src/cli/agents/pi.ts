/** pi: an extension, loaded for one run, adds the server as a provider. It speaks Anthropic's messages. */
import { join } from 'node:path'
import { type Agent, answerTokens, keyVariable, modelId, trusting } from './agent.js'

export const pi: Agent = {
  title: 'pi',
  program: 'pi',
  install: ['npm', 'install', '-g', '@mariozechner/pi-coding-agent@latest'],
  firstPrompt: 2100,
  resume: ['--continue'],
  wire({ url, token, window, modelName, certificates, folder }) {
    const id = modelId(modelName)
    const provider = {
      name: 'tether',
      baseUrl: url,
      // The name of a variable.
      apiKey: keyVariable,
      api: 'anthropic-messages',
      models: [
        {
          id,
          name: modelName,
          reasoning: false,
          input: ['text'],
          cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
          contextWindow: window,
          maxTokens: answerTokens(window),
        },
      ],
    }
    const extension = `export default (pi) => pi.registerProvider('tether', ${JSON.stringify(provider, null, 2)})\n`
    return {
      // Offline: it would ask for its own updates.
      env: { [keyVariable]: token, PI_OFFLINE: '1', ...trusting(certificates, 'NODE_EXTRA_CA_CERTS') },
      args: ['--extension', join(folder, 'tether.js'), '--provider', 'tether', '--model', id],
      files: { 'tether.js': extension },
    }
  },
}
