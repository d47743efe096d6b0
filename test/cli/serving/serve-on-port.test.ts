/** Which port the server gets, and how a taken one is reported. */
import { createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { portOwner } from '../../../src/cli/serving/port-owner.js'
import { serveOnPort } from '../../../src/cli/serving/serve-on-port.js'
import { TetherError } from '../../../src/errors.js'

describe('serveOnPort', () => {
  const taken = new Set([8080, 8081])
  const serve = async (port: number) => {
    if (taken.has(port)) throw new TetherError('port_in_use', `${port} is in use`)
    const server = { close: async () => {}, setTls: () => {}, setKeys: () => {}, models: () => [], requests: () => 0 }
    return { url: `http://127.0.0.1:${port}`, port, ...server, load: async () => ({}) as never }
  }

  test('uses the next free port, and says so', async () => {
    const said: string[] = []
    expect((await serveOnPort({ port: 8080, fixed: false }, serve, (line) => said.push(line))).port).toBe(8082)
    expect(said.join()).toMatch(/^port 8080 is in use.*, using 8082 instead$/)
  })

  test('uses no other port than the one that was asked for', async () => {
    await expect(serveOnPort({ port: 8081, fixed: true }, serve, () => {})).rejects.toMatchObject({
      code: 'port_in_use',
      message: expect.stringContaining('--port 8082'),
    })
  })

  test('passes other errors on', async () => {
    const broken = () => Promise.reject(new TetherError('bad_config', 'no such address'))
    await expect(serveOnPort({ port: 1, fixed: false }, broken, () => {})).rejects.toThrow('no such address')
  })
})

test.runIf(process.platform === 'linux' || process.platform === 'darwin')(
  'portOwner finds the program that listens',
  async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    expect(await portOwner(port)).toMatchObject({ pid: process.pid })
    await new Promise((resolve) => server.close(resolve))
    expect(await portOwner(port)).toBe(undefined)
  },
)
