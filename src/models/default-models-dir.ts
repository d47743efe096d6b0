/** The models folder where nothing else is set. */
import { homedir } from 'node:os'
import { expandHome } from './expand-home.js'

/** TETHER_MODELS_DIR, else ~/.tether/models. */
export function defaultModelsDir(env: Record<string, string | undefined> = process.env, home = homedir()): string {
  return expandHome(env.TETHER_MODELS_DIR || '~/.tether/models', home)
}
