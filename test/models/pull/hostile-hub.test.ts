/** A server in the hub's place that answers what no hub does. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { pull } from '../../../src/models/pull/pull.js'

/** Pulls from a server that answers so. -> the error, and the bytes of files that were asked for */
async function pullFrom(answer: RequestListener, free = Number.MAX_SAFE_INTEGER) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    answer(request, response)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const modelsDir = mkdtempSync(join(tmpdir(), 'tether-hostile-'))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
    rmSync(modelsDir, { recursive: true, force: true })
  })
  const { port } = server.address() as AddressInfo
  const hub = { endpoint: `http://127.0.0.1:${port}` }
  const options = { modelsDir, hub, backoffMs: 1, idleMs: 2000, disk: { free: async () => free } }
  const error = (await pull({ name: 'org/model' }, options).catch((fault: unknown) => fault)) as Error
  return { error, files: asked.filter((url) => url.includes('/resolve/')), kept: keptIn(modelsDir) }
}

function keptIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : []
}

const listing = (siblings: object[]) => JSON.stringify({ sha: 'c0ffee', siblings })
const file = (rfilename: string, size: number) => ({ rfilename, size, blobId: 'a'.repeat(40) })

test('a list that does not end is given up', async () => {
  const { error, files } = await pullFrom((_, response) => {
    response.write('{"sha":"')
    const more = () => {
      if (response.destroyed) return
      if (response.write('a'.repeat(65_536))) setImmediate(more)
      else response.once('drain', more)
    }
    more()
  })
  expect(error.message).toBe('org/model: the hub’s answer did not end within 16 MB.'.replace('’', "'"))
  expect(files).toEqual([])
})

test.each([0.5, 1.5, 1e17, 1e300])('a file of %d bytes is refused by its name', async (size) => {
  const { error, files } = await pullFrom((_, response) => {
    response.end(listing([file('config.json', 10), file('model.safetensors', size)]))
  })
  expect(error.message).toContain(`model.safetensors has ${size} bytes`)
  expect(files).toEqual([])
})

test('nothing is downloaded before there is room for all of it', async () => {
  const siblings = [file('config.json', 10), file('tokenizer.json', 10), file('model.safetensors', 2e12)]
  const { error, files } = await pullFrom((_, response) => response.end(listing(siblings)), 1e9)
  expect(error.message).toMatch(/are left to download, and the disk of .* has 1\.0 GB free/)
  expect(files).toEqual([])
})

test('control characters of an error’s text do not come through, and little of its text does', async () => {
  const { error } = await pullFrom((_, response) => {
    response.writeHead(418, { 'x-error-message': `\u009b31mred${'x'.repeat(5000)}` }).end()
  })
  expect(error.message).toContain('(?31mred')
  expect(error.message.length).toBeLessThan(400)
})

test('names of files that lead out of the folder are no files', async () => {
  const { error, kept } = await pullFrom((_, response) => {
    response.end(listing([file('../evil.json', 10), file('/etc/evil.json', 10), file('a\u001b[2J.json', 10)]))
  })
  expect(error).toBeInstanceOf(Error)
  expect(kept.filter((name) => name.includes('evil'))).toEqual([])
})
