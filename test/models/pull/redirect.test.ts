/** Where a hub may redirect to. */
import { describe, expect, test } from 'vitest'
import { publicHub } from '../../../src/models/pull/hub.js'
import { isPrivate, redirectTarget } from '../../../src/models/pull/redirect.js'

const from = new URL(`${publicHub}/org/model/resolve/main/config.json`)
const follow = (location: unknown, endpoint = publicHub) =>
  redirectTarget(location, endpoint === publicHub ? from : new URL(`${endpoint}/x`), 'config.json', { endpoint }).href

describe('a redirect', () => {
  test.each([
    ['https://cdn.example.org/a?b', publicHub, 'https://cdn.example.org/a?b'],
    ['/other', publicHub, `${publicHub}/other`],
    ['http://127.0.0.1:8081/a', 'http://127.0.0.1:8080', 'http://127.0.0.1:8081/a'],
    ['https://10.0.0.2/a', 'https://10.0.0.1', 'https://10.0.0.2/a'],
  ])('to %s is followed from %s', (location, endpoint, target) => {
    expect(follow(location, endpoint)).toBe(target)
  })

  test.each([
    [undefined, /without saying where/],
    ['https://', /to what is no address/],
    ['http://cdn.example.org/a', /http:\/\/cdn\.example\.org, which is not encrypted/],
    ['file:///etc/passwd', /not encrypted/],
    ['https://127.0.0.1/a', /127\.0\.0\.1, which is in a private network/],
    ['https://2130706433/a', /127\.0\.0\.1, which is in a private network/],
    ['https://localhost:9200/a', /localhost:9200, which is in a private network/],
    ['https://[::1]/a', /private network/],
    ['https://169.254.169.254/latest/meta-data', /private network/],
  ])('of the public hub to %s is refused', (location, reason) => {
    expect(() => follow(location)).toThrow(reason)
  })

  test('from a hub of one’s own without encryption goes to no other kind of address', () => {
    expect(() => follow('ftp://127.0.0.1/a', 'http://127.0.0.1:8080')).toThrow(/not encrypted/)
  })
})

test.each([
  ['10.1.2.3', true],
  ['100.64.0.1', true],
  ['100.128.0.1', false],
  ['172.16.0.1', true],
  ['172.32.0.1', false],
  ['192.168.1.1', true],
  ['192.169.1.1', false],
  ['8.8.8.8', false],
  ['0.0.0.0', true],
  ['[fe80::1]', true],
  ['[fd12::1]', true],
  ['[::ffff:7f00:1]', true],
  ['[::ffff:808:808]', false],
  ['[2606:4700::1111]', false],
  ['nas', true],
  ['nas.local.', true],
  ['api.localhost', true],
  ['huggingface.co', false],
  ['notlocalhost.com', false],
])('isPrivate(%s) is %s', (host, expected) => {
  expect(isPrivate(host)).toBe(expected)
})
