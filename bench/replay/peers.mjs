// The servers that tether is compared with, started as their users start them, each with a new home.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, openSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { sendCompletions, sendMessages } from './client.mjs'

const running = new Set()

/**
 * -> `programs`: by name, `start(home)` of those that are installed, and how a request is sent to them; `absent`: a
 * sentence for each that is not
 */
export function peers({ model, python, openblas, llamaServer, gguf }) {
  const programs = {}
  const absent = []
  const has = (module) => python && spawnSync(python, ['-c', `import ${module}`]).status === 0
  const fast = openblas ? { LD_PRELOAD: openblas } : {}
  const server = (module, env, send) => ({
    start: (home) => {
      const args = (port) => ['-m', module, '--model', model, '--host', '127.0.0.1', '--port', String(port)]
      return startServer(python, args, { home, env: { ...fast, ...env, HF_HUB_OFFLINE: '1' } })
    },
    send: (url, request) => send(url, { ...request, model }),
  })
  if (has('mlx_lm')) programs['mlx_lm.server'] = server('mlx_lm.server', {}, sendCompletions)
  else absent.push('mlx_lm.server is not installed (--python PATH)')
  if (has('mlx_vlm')) programs['mlx_vlm.server, APC'] = server('mlx_vlm.server', { APC_ENABLED: '1' }, sendMessages)
  else absent.push('mlx_vlm.server is not installed (--python PATH)')
  if (llamaServer && gguf) {
    const args = (port) => ['--model', gguf, '--host', '127.0.0.1', '--port', String(port), '--jinja']
    programs['llama-server'] = { start: (home) => startServer(llamaServer, args, { home }), send: sendCompletions }
  } else absent.push('llama-server is not installed, or there is no GGUF (--llama-server PATH --gguf PATH)')
  return { programs, absent }
}

export function killPeers() {
  for (const child of running) child.kill('SIGKILL')
}

async function startServer(command, args, { home, env = {} }) {
  mkdirSync(home, { recursive: true })
  const port = await freePort()
  const log = openSync(join(home, 'log'), 'a')
  const child = spawn(command, args(port), { stdio: ['ignore', log, log], env: { ...process.env, ...env, HOME: home } })
  running.add(child)
  let ended
  const gone = once(child, 'exit').then(([code]) => {
    running.delete(child)
    ended = code ?? 'a signal'
  })
  const url = `http://127.0.0.1:${port}`
  for (;;) {
    if (ended !== undefined)
      throw new Error(`${command} ${args(port).join(' ')} has ended with ${ended}; see ${home}/log`)
    const answer = await fetch(`${url}/health`).catch(() => undefined)
    if (answer?.ok) break
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return {
    url,
    async kill() {
      child.kill('SIGKILL')
      await gone
    },
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

/** Debian's OpenBLAS, without which MLX's wheel for CPUs multiplies some 30 times slower. undefined: not installed. */
export function installedOpenblas() {
  const listed = spawnSync('ldconfig', ['-p'], { encoding: 'utf8' }).stdout ?? ''
  const path = /libopenblas\.so\.0 .* => (.*)/.exec(listed)?.[1]
  return path && existsSync(path) ? path : undefined
}
