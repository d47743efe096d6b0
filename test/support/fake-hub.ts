/** A server that speaks the hub's API for one model, with a second one that it redirects large files to, and faults on demand. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect } from 'vitest'

export interface FakeHubOptions {
  name?: string
  /** By path. Those of more than 1000 bytes are large: redirected to the other server, known by their sha256. */
  files: Record<string, Buffer>
  /** Files of other repositories, by their names. They come from the hub itself. */
  others?: Record<string, Record<string, Buffer>>
  commit?: string
  /** The repository's tags, such as base_model:org/name. */
  tags?: string[]
  /** Without this token everything is 401. */
  token?: string
  /** An error code of the hub's own, in the headers of its errors. */
  errorCode?: string
}

/** Faults that a test switches on; counts go down as they happen. */
export interface Faults {
  /** Answers with this status and header. */
  refuse?: { times: number; status: number; retryAfter?: string }
  /** Takes requests and does not answer. */
  silent?: { times: number }
  /** Ends the connection after so many bytes of an answer. */
  drop?: { times: number; after: number }
  /** Sends other bytes than it should. */
  corrupt?: { times: number }
  /** Ignores ranges and sends whole files. */
  noRanges?: boolean
  /** Milliseconds to wait before each 64 KB. */
  slowMs?: number
}

export interface Seen {
  server: 'hub' | 'store'
  url: string
  range?: string
  authorization?: string
}

export interface FakeHub {
  endpoint: string
  faults: Faults
  /** Requests, in order. */
  seen: Seen[]
  /** Bytes of files that were sent. */
  sent(): number
  options: FakeHubOptions
  close(): Promise<void>
}

export async function startFakeHub(options: FakeHubOptions): Promise<FakeHub> {
  const faults: Faults = {}
  const seen: Seen[] = []
  let sent = 0
  const note = (server: Seen['server'], { url = '', headers }: IncomingMessage) =>
    seen.push({ server, url, range: headers.range, authorization: headers.authorization })

  const store = createServer((request, response) => {
    note('store', request)
    void sendFile(contentOf(decodeURIComponent((request.url ?? '').slice(1))), request, response)
  })
  const contentOf = (path: string) => hubServer.options.files[path]
  const storeUrl = await listen(store)
  const hub = createServer((request, response) => {
    note('hub', request)
    const { others = {}, commit = 'c0ffee', token, errorCode, tags } = hubServer.options
    const other = Object.keys(others).find((one) => new RegExp(`^/(api/models/)?${one}/re`).test(request.url ?? ''))
    const { name = 'org/model', files } = other ? { name: other, files: others[other] ?? {} } : hubServer.options
    if (faults.silent && faults.silent.times-- > 0) return
    if (refused(response)) return
    if (token && request.headers.authorization !== `Bearer ${token}`) {
      return void response.writeHead(401, errorCode ? { 'x-error-code': errorCode } : {}).end('{"error":"no"}')
    }
    const url = decodeURIComponent(request.url ?? '')
    if (url.startsWith(`/api/models/${name}/revision/`)) {
      if (!/\/(main|v2|c0ffee)\?/.test(url))
        return void response.writeHead(404, { 'x-error-code': 'RevisionNotFound' }).end()
      return void response
        .setHeader('content-type', 'application/json')
        .end(JSON.stringify({ ...infoOf(name, commit, files), tags }))
    }
    const path = url.startsWith(`/${name}/resolve/${commit}/`) ? url.split('/').slice(5).join('/') : undefined
    const content = path === undefined ? undefined : files[path]
    if (path === undefined || content === undefined) {
      return void response.writeHead(404, { 'x-error-code': 'RepoNotFound' }).end()
    }
    if (content.length > 1000 && !other) return void response.writeHead(302, { location: `${storeUrl}/${path}` }).end()
    void sendFile(content, request, response)
  })

  const refused = (response: ServerResponse): boolean => {
    const { refuse } = faults
    if (!refuse || refuse.times-- <= 0) return false
    response.writeHead(refuse.status, refuse.retryAfter ? { 'retry-after': refuse.retryAfter } : {}).end()
    return true
  }

  const sendFile = async (content: Buffer = Buffer.alloc(0), request: IncomingMessage, response: ServerResponse) => {
    const range = faults.noRanges ? null : /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')
    const start = Number(range?.[1] ?? 0)
    const end = Math.min(content.length, Number(range?.[2] ?? content.length - 1) + 1)
    let body = content.subarray(start, end)
    if (faults.corrupt && faults.corrupt.times-- > 0) body = Buffer.alloc(body.length, 1)
    const headers: Record<string, string | number> = { 'content-length': body.length }
    if (range) headers['content-range'] = `bytes ${start}-${end - 1}/${content.length}`
    response.writeHead(range ? 206 : 200, headers)
    const dropAt = faults.drop && faults.drop.times-- > 0 ? faults.drop.after : Number.POSITIVE_INFINITY
    for (let at = 0; at < body.length && !response.destroyed; at += 65_536) {
      if (faults.slowMs) await new Promise((resolve) => setTimeout(resolve, faults.slowMs))
      const bytes = body.subarray(at, Math.min(at + 65_536, dropAt))
      sent += bytes.length
      await new Promise((resolve) => response.write(bytes, resolve))
      if (at + 65_536 >= dropAt) return void response.destroy()
    }
    response.end()
  }

  const hubServer: FakeHub = {
    endpoint: await listen(hub),
    faults,
    seen,
    sent: () => sent,
    options,
    close: async () => {
      for (const server of [hub, store]) {
        server.closeAllConnections()
        await new Promise((resolve) => server.close(resolve))
      }
    },
  }
  return hubServer
}

/** Expects the models folder to hold every file of the hub's model that tether needs, byte for byte, and no leftovers. */
export function expectPulled({ options: { name = 'org/model', files } }: FakeHub, modelsDir: string): void {
  const [organization = '', model = ''] = name.split('/')
  const folder = join(modelsDir, organization, model)
  const pulled = readdirSync(folder).filter((file) => !file.startsWith('.'))
  const needed = Object.keys(files).filter((file) => !/README|gguf/.test(file))
  expect(pulled.sort()).toEqual(needed.sort())
  for (const file of pulled) expect(readFileSync(join(folder, file)).equals(files[file] as Buffer)).toBe(true)
  expect(readdirSync(join(modelsDir, organization))).toEqual([model])
}

function infoOf(name: string, commit: string, files: Record<string, Buffer>) {
  const siblings = Object.entries(files).map(([rfilename, content]) => {
    const size = content.length
    const blobId = createHash('sha1').update(`blob ${size}\0`).update(content).digest('hex')
    const sha256 = createHash('sha256').update(content).digest('hex')
    return size > 1000
      ? { rfilename, size, blobId, lfs: { sha256, size, pointerSize: 134 } }
      : { rfilename, size, blobId }
  })
  return { id: name, modelId: name, sha: commit, private: false, gated: false, siblings }
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
