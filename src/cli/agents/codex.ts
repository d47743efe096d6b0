/** Codex: flags override its config.toml. It speaks OpenAI's responses. */
import { type Agent, answerTokens, keyVariable, modelId, patienceMs, trusting } from './agent.js'

export const codex: Agent = {
  title: 'Codex',
  program: 'codex',
  install: ['npm', 'install', '-g', '@openai/codex@latest'],
  firstPrompt: 16_000,
  resume: ['resume', '--last'],
  wire({ url, token, window, modelName, certificates }) {
    const provider = [
      `name=${toml('tether')}`,
      `base_url=${toml(`${url}/v1`)}`,
      `env_key=${toml(keyVariable)}`,
      `wire_api=${toml('responses')}`,
      // Pings do not count for it, so a prompt that is read for long would look like silence.
      `stream_idle_timeout_ms=${patienceMs}`,
      'requires_openai_auth=false',
    ]
    const overrides = {
      model: toml(modelId(modelName)),
      model_provider: toml('tether'),
      'model_providers.tether': `{${provider.join(',')}}`,
      model_context_window: window,
      model_auto_compact_token_limit: window - answerTokens(window),
      // Only OpenAI's servers can run it.
      web_search: toml('disabled'),
      'analytics.enabled': false,
      'feedback.enabled': false,
      check_for_update_on_startup: false,
    }
    return {
      env: { [keyVariable]: token, ...trusting(certificates, 'CODEX_CA_CERTIFICATE') },
      args: Object.entries(overrides).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
      files: {},
    }
  },
}

/** TOML's basic strings are JSON's, but for a character that modelId leaves out. */
function toml(text: string): string {
  return JSON.stringify(text)
}
