/** Which of MLX's builds is downloaded for a machine. */
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { root } from '../support/consumer.js'

const { targetName } = (await import(join(root, 'third_party/mlx/fetch.mjs'))) as {
  targetName(platform: string, arch: string, options?: { backend?: string; darwin?: string }): string
}

afterEach(() => vi.unstubAllEnvs())

describe("MLX's build", () => {
  test.each([
    ['23.6.0', 'darwin-arm64-metal-14'],
    ['24.1.0', 'darwin-arm64-metal-15'],
    ['25.1.0', 'darwin-arm64-metal-15'],
    ['25.2.0', 'darwin-arm64-metal-26'],
    ['26.0.0', 'darwin-arm64-metal-26'],
  ])('for Darwin %s is %s', (darwin, expected) => {
    vi.stubEnv('MACOSX_DEPLOYMENT_TARGET', undefined)
    expect(targetName('darwin', 'arm64', { darwin })).toBe(expected)
  })

  test.each([
    ['14.0', '25.2.0', 'darwin-arm64-metal-14'],
    ['15.4', '25.2.0', 'darwin-arm64-metal-15'],
    ['26.2', '24.1.0', 'darwin-arm64-metal-15'],
    ['11.0', '24.1.0', 'darwin-arm64-metal-14'],
  ])('for macOS %s and newer, made on Darwin %s, is %s', (oldest, darwin, expected) => {
    vi.stubEnv('MACOSX_DEPLOYMENT_TARGET', oldest)
    expect(targetName('darwin', 'arm64', { darwin })).toBe(expected)
  })

  test('for Linux depends on TETHER_BACKEND', () => {
    expect(targetName('linux', 'x64', { backend: '' })).toBe('linux-x64-cpu')
    expect(targetName('linux', 'x64', { backend: 'cuda12' })).toBe('linux-x64-cuda12')
    expect(targetName('linux', 'arm64', { backend: '' })).toBe('linux-arm64-cpu')
    expect(() => targetName('linux', 'arm64', { backend: 'cuda12' })).toThrow('There is no MLX build for')
  })
})
