/** Where the hub's own tools keep their files, by the same environment variables. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { expandHome } from './expand-home.js'

type Env = Record<string, string | undefined>

/** The folder with `models--org--name` folders, such as ~/.cache/huggingface/hub. */
export function hubCacheDir(env: Env = process.env): string {
  return given(env, 'HF_HUB_CACHE') ?? given(env, 'HUGGINGFACE_HUB_CACHE') ?? join(hubHome(env), 'hub')
}

/** The file in which the hub's command line keeps the user's token. */
export function hubTokenFile(env: Env = process.env): string {
  return given(env, 'HF_TOKEN_PATH') ?? join(hubHome(env), 'token')
}

function hubHome(env: Env): string {
  return given(env, 'HF_HOME') ?? join(given(env, 'XDG_CACHE_HOME') ?? join(home(env), '.cache'), 'huggingface')
}

function given(env: Env, name: string): string | undefined {
  const path = env[name]
  return path ? expandHome(path, home(env)) : undefined
}

function home(env: Env): string {
  return env.HOME || homedir()
}
