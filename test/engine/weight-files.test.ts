/** Which files hold the weights, with and without a right index; and the optional files beside them. */
import { cp, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readCheckpoint } from '../../src/engine/checkpoint.js'
import {
  checkpoint,
  copyOf,
  golden,
  logitsOf,
  readTensors,
  rejection,
  setField,
  writeTensors,
} from '../support/checkpoints.js'

const INDEX = 'model.safetensors.index.json'
const WHOLE = 'model.safetensors'
const [FIRST, SECOND] = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']
const lfs = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 9\n`

/** One file of both shards. */
async function merged(folder: string): Promise<void> {
  const tensors = new Map([...(await readTensors(join(folder, FIRST))), ...(await readTensors(join(folder, SECOND)))])
  await writeTensors(join(folder, WHOLE), tensors)
  for (const shard of [FIRST, SECOND]) await rm(join(folder, shard))
}

const stale = async (folder: string) =>
  setField(join(folder, INDEX), 'weight_map/model.norm.weight', 'model-00009.safetensors')

type Change = (folder: string) => Promise<unknown>

/** Changes to a checkpoint of two shards and an index. */
const LOADS: [string, Change, string?][] = [
  ['an index that names the shards of before a conversion', merged, 'which is not there'],
  ['an index that names a file that is not there, beside all shards', stale, 'model-00009.safetensors'],
  ['no index', (folder) => rm(join(folder, INDEX))],
  ['one file and no index', async (folder) => Promise.all([merged(folder), rm(join(folder, INDEX))])],
  [
    'an index that is not JSON',
    (folder) => writeFile(join(folder, INDEX), '{'),
    'index.json is not valid JSON; download the file again',
  ],
  ['an index that is empty', (folder) => writeFile(join(folder, INDEX), ''), 'is empty'],
  ['an index that is a Git LFS pointer', (folder) => writeFile(join(folder, INDEX), lfs), 'Git LFS'],
  ['an index without a weight_map', (folder) => writeFile(join(folder, INDEX), '{}'), 'has no weight_map'],
  ['an index that names no file', (folder) => writeFile(join(folder, INDEX), '{"weight_map": {}}')],
  [
    'an index that names one of the shards',
    (folder) => writeFile(join(folder, INDEX), JSON.stringify({ weight_map: { a: FIRST } })),
  ],
  [
    'an index with tensors that no file has',
    (folder) => setField(join(folder, INDEX), 'weight_map/model.layers.99.x.weight', SECOND),
  ],
  [
    'an index that leads out of the folder',
    (folder) => setField(join(folder, INDEX), 'weight_map/model.norm.weight', '../elsewhere.safetensors'),
    'elsewhere',
  ],
  [
    'an index with a byte order mark and a NaN',
    async (folder) => {
      const text = await readFile(join(folder, INDEX), 'utf8')
      await writeFile(join(folder, INDEX), `\ufeff${text.replace(/"total_size": \d+/, '"total_size": NaN')}`)
    },
  ],
  ["Mistral's own weights beside them", (folder) => cp(join(folder, FIRST), join(folder, 'consolidated.safetensors'))],
  [
    "Mistral's own weights beside them and no index",
    async (folder) => {
      await cp(join(folder, FIRST), join(folder, 'consolidated.safetensors'))
      await rm(join(folder, INDEX))
    },
  ],
  ['an adapter beside them', (folder) => cp(join(folder, FIRST), join(folder, 'adapter_model.safetensors'))],
  [
    'a broken file beside them that the index does not name',
    (folder) => writeFile(join(folder, 'vision.safetensors'), ''),
  ],
  [
    'one file of another name',
    async (folder) => {
      await merged(folder)
      await rm(join(folder, INDEX))
      await rename(join(folder, WHOLE), join(folder, 'weights.00.safetensors'))
    },
  ],
]

describe('a checkpoint with', () => {
  test.each(LOADS)('%s is read by what its files say', async (_, change, warning) => {
    const folder = await copyOf('llama-b')
    await change(folder)
    const { warnings } = await readCheckpoint(folder)
    expect(warnings).toEqual(warning === undefined ? [] : [expect.stringContaining(warning)])
    const { prompt } = golden('llama-b')
    expect(await logitsOf(folder, prompt)).toEqual(await logitsOf(checkpoint('llama-b'), prompt))
  })

  test.each<[string, Change, string]>([
    ['a shard that is missing', (folder) => rm(join(folder, SECOND)), SECOND],
    [
      'a shard missing and no index',
      (folder) => Promise.all([INDEX, FIRST].map((name) => rm(join(folder, name)))),
      FIRST,
    ],
    [
      'a shard that is a link to nothing',
      async (folder) => {
        await rm(join(folder, SECOND))
        await symlink('nowhere', join(folder, SECOND))
      },
      SECOND,
    ],
    ['an empty shard', (folder) => truncate(join(folder, SECOND), 0), 'is empty'],
    ['a shard that is a Git LFS pointer', (folder) => writeFile(join(folder, SECOND), lfs), 'git lfs pull'],
    ['a shard that is a web page', (folder) => writeFile(join(folder, SECOND), '<!DOCTYPE html><p>No'), 'web page'],
    [
      'a shard whose download has not ended',
      async (folder) => {
        await rename(join(folder, SECOND), join(folder, `${SECOND}.incomplete`))
      },
      'not complete',
    ],
  ])('%s is refused, which names it', async (_, change, words) => {
    const folder = await copyOf('llama-b')
    await change(folder)
    const error = await rejection(readCheckpoint(folder))
    expect(error.code).toBe('bad_weights')
    expect(error.message).toContain(words)
    expect(error.message).toContain(folder)
  })
})

describe('generation_config.json', () => {
  const broken = '{\n "eos_token_id": [6, 14, 1],\n "do_sample": true,\n}\n'
  test.each([
    [broken, 'is not valid JSON; download the file again'],
    ['', 'is empty'],
    ['[]', 'is not a JSON object; download the file again'],
    [lfs, 'Git LFS'],
    ['{"do_sample": true, "temperature": "warm", "eos_token_id": [499, 505]}', 'temperature is "warm"'],
    ['{"do_sample": true, "temperature": NaN, "top_p": 7, "eos_token_id": [499, 505]}', 'top_p is 7'],
  ])('that is %j is a warning; config.json has the stop tokens', async (text, words) => {
    const folder = await copyOf('llama-a')
    await writeFile(join(folder, 'generation_config.json'), text)
    const { warnings, stopTokens, sampling } = await readCheckpoint(folder)
    expect(warnings.join(' ')).toContain(words)
    expect(stopTokens).toEqual([499, 505])
    expect(sampling).toMatchObject({ topP: 1 })
  })

  test('with an empty list of stop tokens leaves it to config.json; top_k -1 is off', async () => {
    const folder = await copyOf('llama-a')
    await writeFile(join(folder, 'generation_config.json'), '{"eos_token_id": [], "top_k": -1, "temperature": null}')
    expect(await readCheckpoint(folder)).toMatchObject({ warnings: [], stopTokens: [499, 505], sampling: { topK: 0 } })
  })
})

describe('config.json', () => {
  test('may have a byte order mark, NaN and the infinities', async () => {
    const folder = await copyOf('llama-a')
    const text = await readFile(join(folder, 'config.json'), 'utf8')
    const more = '"a": NaN, "b": -Infinity, "c": {"__float__": "Infinity"}, "d": 1000000000000000019884624838656,'
    await writeFile(join(folder, 'config.json'), `\ufeff${text.replace('{', `{${more}`)}`)
    const { prompt } = golden('llama-a')
    expect(await logitsOf(folder, prompt)).toEqual(await logitsOf(checkpoint('llama-a'), prompt))
  })

  test('may say that there is no limit to the window', async () => {
    const folder = await copyOf('llama-a')
    await setField(join(folder, 'config.json'), 'max_position_embeddings', 1e30)
    const { prompt } = golden('llama-a')
    expect(await logitsOf(folder, prompt)).toEqual(await logitsOf(checkpoint('llama-a'), prompt))
  })
})
