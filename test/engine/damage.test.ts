/** A damaged checkpoint is rejected with an error that names the file and what is wrong with it. */
import { open, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadEngine } from '../../src/engine/load.js'
import {
  checkpoint,
  collect,
  copyOf,
  editTensors,
  golden,
  greedy,
  rejection,
  type StoredTensor,
  setField,
} from '../support/checkpoints.js'

const WEIGHTS = 'model.safetensors'
const SECOND = 'model-00002-of-00002.safetensors'

/** The error that loading the folder is rejected with, after checks that hold for each of them. */
async function loadError(folder: string) {
  const error = await rejection(loadEngine(folder))
  expect(error.message).toContain(folder)
  return error
}

function tensor(tensors: Map<string, StoredTensor>, name: string): StoredTensor {
  const found = tensors.get(name)
  if (!found) throw new Error(`the fixture has no ${name}`)
  return found
}

describe('loading a folder', () => {
  test('that does not exist fails with code model_not_found', async () => {
    const error = await rejection(loadEngine('/nowhere/model'))
    expect(error.code).toBe('model_not_found')
    expect(error.message).toContain('/nowhere/model')
  })

  test('without config.json fails with code model_not_found', async () => {
    const folder = await copyOf('llama-a')
    await rm(join(folder, 'config.json'))
    const error = await loadError(folder)
    expect(error.code).toBe('model_not_found')
    expect(error.message).toContain('config.json')
  })

  test('without weights names the missing file', async () => {
    const folder = await copyOf('llama-a')
    await rm(join(folder, WEIGHTS))
    const error = await loadError(folder)
    expect(error.code).toBe('bad_weights')
    expect(error.message).toContain(WEIGHTS)
  })

  test('with an index that names a missing shard names the shard', async () => {
    const folder = await copyOf('llama-b')
    await rm(join(folder, SECOND))
    const error = await loadError(folder)
    expect(error.code).toBe('bad_weights')
    expect(error.message).toContain(SECOND)
    expect(error.message).toContain('model.safetensors.index.json')
  })
})

describe('loading a config.json', () => {
  test.each(['', '{"model_type": "llama",', '[]', 'null', '"llama"'])('with the content %j fails', async (text) => {
    const folder = await copyOf('llama-a')
    await writeFile(join(folder, 'config.json'), text)
    const error = await loadError(folder)
    expect(error.code).toBe('bad_config')
    expect(error.message).toContain('config.json')
  })

  test.each([['mamba'], [''], [undefined]])('with model_type %j fails with code unsupported_model', async (type) => {
    const folder = await copyOf('llama-a')
    await setField(join(folder, 'config.json'), 'model_type', type)
    const error = await loadError(folder)
    expect(error.code).toBe('unsupported_model')
    expect(error.message).toContain('llama')
    if (type) expect(error.message).toContain(type)
  })

  test.each<[string, unknown]>([
    ['hidden_size', '32'],
    ['hidden_size', -32],
    ['hidden_size', 32.5],
    ['hidden_size', 1e12],
    ['num_hidden_layers', 0],
    ['num_attention_heads', 0],
    ['num_key_value_heads', 3],
    ['rms_norm_eps', 'small'],
    ['attention_bias', 1],
    ['rope_scaling', 'llama3'],
    ['rope_scaling/factor', 0],
    ['rope_scaling/rope_type', 3],
    ['layer_types', 'sliding_attention'],
    ['layer_types', [1, 2, 3, 4]],
    ['max_position_embeddings', 0],
  ])('with %s = %j fails and names the field', async (field, value) => {
    const folder = await copyOf('llama-a')
    await setField(join(folder, 'config.json'), field, value)
    const error = await loadError(folder)
    expect(['bad_config', 'unsupported_model']).toContain(error.code)
    expect(error.message).toContain('config.json')
    // For a nested field one of its names is enough.
    expect(field.split('/').some((name) => error.message.includes(name))).toBe(true)
  })
})

describe('loading a tensor', () => {
  test.each([
    'model.layers.2.self_attn.q_proj.weight',
    'model.layers.1.self_attn.k_proj.bias',
    'model.layers.0.mlp.down_proj.weight',
    'model.layers.3.input_layernorm.weight',
    'model.norm.weight',
    'model.embed_tokens.weight',
    'lm_head.weight',
  ])('%s that is missing fails and names it and its file', async (name) => {
    const folder = await copyOf('llama-a')
    await editTensors(join(folder, WEIGHTS), (tensors) => tensors.delete(name))
    const error = await loadError(folder)
    expect(error.code).toBe('bad_weights')
    expect(error.message).toContain(name)
    expect(error.message).toContain(join(folder, WEIGHTS))
  })

  test.each([
    'model.layers.0.self_attn.k_norm.weight',
    'model.layers.5.self_attn.q_proj.weight',
    'model.layers.1.per_layer_input_gate.weight',
    'model.embed_tokens_per_layer.weight',
    'model.per_layer_model_projection.weight',
  ])('%s that is missing from a Gemma fails and names it and its file', async (name) => {
    const folder = await copyOf('gemma4-a')
    await editTensors(join(folder, WEIGHTS), (tensors) => tensors.delete(name))
    const error = await loadError(folder)
    expect(error.code).toBe('bad_weights')
    expect(error.message).toContain(name)
    expect(error.message).toContain(join(folder, WEIGHTS))
  })

  test.each([
    'model.language_model.layers.1.router.scale',
    'model.language_model.layers.0.experts.gate_up_proj',
    'model.language_model.layers.2.experts.down_proj',
    'model.language_model.layers.2.post_feedforward_layernorm_2.weight',
  ])('%s that is missing from a mixture of experts fails and names it and its file', async (name) => {
    const folder = await copyOf('gemma4-d')
    await editTensors(join(folder, WEIGHTS), (tensors) => tensors.delete(name))
    const error = await loadError(folder)
    expect(error.code).toBe('bad_weights')
    // Google's layout and MLX's differ there; the error may name either.
    expect(error.message).toContain(name.replace(/gate_up_proj$/, 'switch_glu.gate_proj'))
    expect(error.message).toContain(join(folder, WEIGHTS))
  })

  test.each(['scales', 'biases', 'weight'])(
    'that is quantized and has no %s fails and names it and its file',
    async (part) => {
      const folder = await copyOf('llama-a-4bit')
      await editTensors(join(folder, WEIGHTS), (tensors) => tensors.delete(`model.layers.1.mlp.up_proj.${part}`))
      const error = await loadError(folder)
      expect(error.code).toBe('bad_weights')
      expect(error.message).toContain('model.layers.1.mlp.up_proj')
      expect(error.message).toContain(join(folder, WEIGHTS))
    },
  )

  test('of another shape fails and names it, its file and both shapes', async () => {
    const folder = await copyOf('llama-b')
    await editTensors(join(folder, SECOND), (tensors) => {
      const found = tensor(tensors, 'model.layers.3.mlp.up_proj.weight')
      found.shape = [32, 64]
    })
    const error = await loadError(folder)
    expect(error.code).toBe('bad_weights')
    expect(error.message).toContain('model.layers.3.mlp.up_proj.weight')
    expect(error.message).toContain(join(folder, SECOND))
    expect(error.message).toContain('(32, 64)')
    expect(error.message).toContain('(64, 32)')
  })

  test('of an integer dtype fails and names it', async () => {
    const folder = await copyOf('llama-a')
    await editTensors(join(folder, WEIGHTS), (tensors) => {
      tensor(tensors, 'model.layers.3.mlp.up_proj.weight').dtype = 'I32'
    })
    const error = await loadError(folder)
    expect(error.code).toBe('bad_weights')
    expect(error.message).toContain('model.layers.3.mlp.up_proj.weight')
  })
})

describe('loading a weight file', () => {
  test.each([1, 100, 50_000])('without its last %i bytes fails and names the file', async (missing) => {
    const folder = await copyOf('llama-b')
    const file = join(folder, SECOND)
    await truncate(file, (await readFile(file)).length - missing)
    const error = await loadError(folder)
    expect(error.code).toBe('bad_weights')
    expect(error.message).toContain(file)
    expect(error.message).toContain('truncated')
  })

  test.each([0, 4, 8, 200])('with only its first %i bytes fails and names the file', async (size) => {
    const folder = await copyOf('llama-a')
    await truncate(join(folder, WEIGHTS), size)
    const error = await loadError(folder)
    expect(error.code).toBe('bad_weights')
    expect(error.message).toContain(join(folder, WEIGHTS))
  })

  test.each(['not JSON', '<html>', 'null', '[]', '{"a": 3}'])(
    'with the header %s fails and names the file',
    async (text) => {
      const folder = await copyOf('llama-a')
      const head = Buffer.alloc(8)
      head.writeBigUInt64LE(BigInt(text.length))
      await writeFile(join(folder, WEIGHTS), Buffer.concat([head, Buffer.from(text), Buffer.alloc(1000)]))
      const error = await loadError(folder)
      expect(error.code).toBe('bad_weights')
      expect(error.message).toContain(join(folder, WEIGHTS))
    },
  )

  test('that is a page of HTML fails and names the file', async () => {
    const folder = await copyOf('llama-a')
    await writeFile(join(folder, WEIGHTS), '<!doctype html><title>Sign in</title>'.repeat(50))
    const error = await loadError(folder)
    expect(error.code).toBe('bad_weights')
    expect(error.message).toContain(join(folder, WEIGHTS))
  })

  test('that is a pointer of git-lfs fails and names the file', async () => {
    const folder = await copyOf('llama-a')
    await writeFile(
      join(folder, WEIGHTS),
      `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 9\n`,
    )
    const error = await loadError(folder)
    expect(error.code).toBe('bad_weights')
    expect(error.message).toContain(join(folder, WEIGHTS))
  })

  test('with fewer bytes for a tensor than its shape needs fails and names the file', async () => {
    const folder = await copyOf('llama-a')
    await editTensors(join(folder, WEIGHTS), (tensors) => {
      const found = tensor(tensors, 'model.norm.weight')
      found.data = found.data.subarray(0, found.data.length - 4)
      // Last in the file, so that the missing bytes are missing at its end.
      tensors.delete('model.norm.weight')
      tensors.set('model.norm.weight', found)
    })
    const error = await loadError(folder)
    expect(error.code).toBe('bad_weights')
    expect(error.message).toContain(join(folder, WEIGHTS))
  })

  test('with one more byte at its end works', async () => {
    const folder = await copyOf('llama-a')
    const file = await open(join(folder, WEIGHTS), 'a')
    await file.write(Buffer.from([0]))
    await file.close()
    const engine = await loadEngine(folder)
    await engine.close()
  })
})

describe('a sound checkpoint', () => {
  test.each([0, 5, 30])('rejects a token outside of its vocabulary at position %i', async (at) => {
    const engine = await loadEngine(checkpoint('llama-a'))
    const { prompt } = golden('llama-a')
    for (const id of [512, 1_000_000, -1]) {
      const error = await rejection(collect(engine.generate(greedy(prompt.with(at, id), 4))))
      expect(error.code).toBe('invalid_request')
      expect(error.message).toContain(String(id))
      expect((await rejection(engine.score(Int32Array.from(prompt.with(at, id))))).code).toBe('invalid_request')
    }
    // It still works.
    const { tokens } = await collect(engine.generate(greedy(prompt, 4)))
    expect(tokens).toEqual(golden('llama-a').greedy.at(-1)?.tokens.slice(0, 4))
    await engine.close()
  })

  test('that does not fit the memory cap fails and says both sizes', async () => {
    const error = await rejection(loadEngine(checkpoint('gemma4-a'), { memoryCap: 1000 }))
    expect(error.code).toBe('not_enough_memory')
    expect(error.message).toMatch(/need \d+ KB, the memory cap is 1\.0 KB/)
    expect(error.message).toContain('memory')
  })

  test('loads after a damaged one failed', async () => {
    const folder = await copyOf('gemma4-b')
    await truncate(join(folder, SECOND), 1000)
    await loadError(folder)
    const engine = await loadEngine(checkpoint('gemma4-b'))
    const { prompt, greedy: runs } = golden('gemma4-b')
    const { tokens } = await collect(engine.generate(greedy(prompt, 8)))
    expect(tokens).toEqual(runs.at(-1)?.tokens.slice(0, 8))
    await engine.close()
  })
})
