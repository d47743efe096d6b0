/** Names of models as users type and paste them. */
import { describe, expect, test } from 'vitest'
import { readHubName } from '../../../src/models/pull/hub-name.js'

const hub = 'https://huggingface.co'

describe('a name for the hub', () => {
  test.each([
    ['org/name', 'org/name'],
    ['  org/name \n', 'org/name'],
    ['org/name/', 'org/name'],
    ['org/name@v2', 'org/name@v2'],
    ['org/name@main', 'org/name'],
    [`${hub}/org/name`, 'org/name'],
    [`${hub}/org/name/`, 'org/name'],
    [`<${hub}/org/name>`, 'org/name'],
    [`${hub}/org/name.git`, 'org/name'],
    [`${hub}/org/name?library=mlx#usage`, 'org/name'],
    ['http://huggingface.co/org/name', 'org/name'],
    ['HTTPS://HuggingFace.co/org/name', 'org/name'],
    ['https://www.huggingface.co/org/name', 'org/name'],
    ['huggingface.co/org/name', 'org/name'],
    ['hf.co/org/name', 'org/name'],
    ['https://hf.co/org/name', 'org/name'],
    ['hf://org/name', 'org/name'],
    ['git@hf.co:org/name.git', 'org/name'],
    [`${hub}/org/name/tree/main`, 'org/name'],
    [`${hub}/org/name/tree/main/folder`, 'org/name'],
    [`${hub}/org/name/tree/v2`, 'org/name@v2'],
    [`${hub}/org/name/tree/refs%2Fpr%2F3`, 'org/name@refs/pr/3'],
    [`${hub}/org/name/tree/refs/pr/3`, 'org/name@refs/pr/3'],
    [`${hub}/org/name/commit/c0ffee`, 'org/name@c0ffee'],
    [`${hub}/org/name/blob/main/config.json`, 'org/name'],
    [`${hub}/org/name/blob/v2/model.safetensors`, 'org/name@v2'],
    [`${hub}/org/name/resolve/v2/model.safetensors?download=true`, 'org/name@v2'],
    [`${hub}/org/name/discussions/7`, 'org/name'],
    ['https://mirror.test:8443/org/name/tree/v2', 'org/name@v2'],
    ['mirror.test:8443/org/name', 'org/name'],
  ])('%j is %s', (text, expected) => {
    const [name, revision] = expected.split('@')
    const asked = readHubName(text, { endpoint: 'https://mirror.test:8443' })
    expect(asked).toEqual({ name, ...(revision ? { revision } : {}) })
  })

  test('takes --revision instead of the revision in the address', () => {
    expect(readHubName(`${hub}/org/name/tree/v2`, { revision: 'v3' })).toEqual({ name: 'org/name', revision: 'v3' })
    expect(readHubName(`${hub}/org/name/tree/v2`, { revision: 'main' })).toEqual({ name: 'org/name' })
  })

  test.each([
    ['gemma', 'not a repository name: gemma'],
    ['', 'not a repository name: '],
    ['./models/gemma', 'not a repository name: ./models/gemma'],
    ['org/name/other', 'not a repository name: org/name/other'],
    [`${hub}/org`, `not a repository name: ${hub}/org`],
    [`${hub}/models?library=mlx`, 'not a repository name: '],
    [`${hub}/datasets/org/name`, 'is a dataset, not a model'],
    [`${hub}/spaces/org/name`, 'is a space, not a model'],
    ['https://github.com/org/name', 'not an address of huggingface.co: https://github.com/org/name'],
    ['org/name:Q4_K_M', 'names a GGUF file, which tether does not read'],
    ['hf.co/org/name:Q4_K_M', 'names a GGUF file, which tether does not read'],
  ])('%j is an error that says what is right', (text, message) => {
    const asked = () => readHubName(text)
    expect(asked).toThrow(message)
    expect(asked).toThrow(/\nUse ORG\/NAME or the address of the model's page:\n {2}tether pull mlx-community\/gemma-4/)
  })

  test('with a wrong revision is an error that names the revision', () => {
    expect(() => readHubName('org/name', { revision: 'a b' })).toThrow('not a revision: a b')
  })
})
