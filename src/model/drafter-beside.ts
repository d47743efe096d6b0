/** Finds the drafter that lies beside a model: in a folder named after it, or one of Gemma 4's assistants under its published name. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { isObject, readJson } from '../engine/json-file.js'
import { ASSISTANT_TYPES } from '../engine/model-types.js'

/** What `--draft auto` takes for the model in this folder. */
export function drafterBeside(model: string): string | undefined {
  return [`${model}-assistant`, join(model, 'assistant')].find(isModel) ?? publishedBeside(model)
}

/**
 * Assistants are published in other bits than the model: gemma-4-e4b-it-assistant-bf16 drafts for gemma-4-e4b-it-4bit. undefined
 * for a name that has other words in it, or that is an assistant's itself.
 */
export function drafts(assistant: string, model: string): boolean {
  const [, before] = /^(.+)-assistant(?:-(?:mlx-?)?(?:\d+bit|bf16|fp16|f16|mxfp[48]|nvfp4))?$/i.exec(assistant) ?? []
  return before !== undefined && before.toLowerCase() === withoutBits(model).toLowerCase()
}

/** The name of a model without how its weights are stored. */
export function withoutBits(model: string): string {
  return model.replace(/-(?:mlx-?)?(?:\d+bit|bf16|fp16|f16|mxfp[48]|nvfp4|mixed-[\w-]*bit)(?:-DWQ)?$/i, '')
}

/** Of the same organization, in the models folder or in the hub's cache. Not one that was made for a model of another size. */
function publishedBeside(model: string): string | undefined {
  const { name, neighbours } = surroundings(model)
  const found = neighbours.filter((one) => drafts(one.name, name) && fits(one.path, model))
  return found.sort((one, other) => (one.name < other.name ? -1 : 1))[0]?.path
}

interface Neighbour {
  name: string
  path: string
}

function surroundings(model: string): { name: string; neighbours: Neighbour[] } {
  const repository = dirname(dirname(model))
  const [, owner, own] = /^models--(.+?)--(.+)$/.exec(basename(repository)) ?? []
  if (basename(dirname(model)) !== 'snapshots' || owner === undefined || own === undefined) {
    const folder = dirname(model)
    const neighbours = namesIn(folder).map((name) => ({ name, path: join(folder, name) }))
    return { name: basename(model), neighbours: neighbours.filter(({ path }) => isModel(path)) }
  }
  const prefix = `models--${owner}--`
  const cache = dirname(repository)
  const others = namesIn(cache).filter((name) => name.startsWith(prefix))
  const neighbours = others.flatMap((name): Neighbour[] => {
    const path = snapshotIn(join(cache, name))
    return path === undefined ? [] : [{ name: name.slice(prefix.length), path }]
  })
  return { name: own, neighbours }
}

/** That of main, else any: an assistant has one. */
function snapshotIn(repository: string): string | undefined {
  const snapshots = join(repository, 'snapshots')
  const main = textOf(join(repository, 'refs', 'main'))
  const commits = namesIn(snapshots)
  return [...commits.filter((commit) => commit === main), ...commits]
    .map((commit) => join(snapshots, commit))
    .find((path) => isModel(path))
}

/** It reads the model's hidden states, so their width must be the same. What else is wrong, loading it says. */
function fits(assistant: string, model: string): boolean {
  try {
    const config = readJson(join(assistant, 'config.json')) ?? {}
    const target = readJson(join(model, 'config.json')) ?? {}
    const text = isObject(target.text_config) ? target.text_config : target
    return ASSISTANT_TYPES.includes(String(config.model_type)) && config.backbone_hidden_size === text.hidden_size
  } catch {
    return false
  }
}

function isModel(path: string): boolean {
  return existsSync(join(path, 'config.json'))
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => !name.startsWith('.'))
  } catch {
    return []
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return undefined
  }
}
