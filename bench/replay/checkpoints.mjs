// The checkpoint that every program of the comparison gets.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Turns between Gemma's markers, for base models, which have no template. */
const TEMPLATE = `{{ bos_token }}{% for message in messages %}<start_of_turn>{{ 'model' if message['role'] == 'assistant' else 'user' }}
{{ message['content'] }}<end_of_turn>
{% endfor %}{% if add_generation_prompt %}<start_of_turn>model
{% endif %}`

/** A copy in float32 under `folder`, made on first use with mlx's Python. */
export function inFloat32(model, { folder, python }) {
  const copy = join(folder, `${basename(resolve(model))}-f32`)
  if (existsSync(copy)) return copy
  const partial = `${copy}.${process.pid}`
  const program = fileURLToPath(new URL('float32.py', import.meta.url))
  const { status } = spawnSync(python, [program, model, partial], { stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) {
    rmSync(partial, { recursive: true, force: true })
    throw new Error(`${python} could not copy ${model} in float32; see above`)
  }
  addTemplate(partial)
  renameSync(partial, copy)
  return copy
}

/** The checkpoint itself, or a folder that links to it, with a template. */
export async function withTemplate(model, folder) {
  if (hasTemplate(model)) return model
  const other = join(folder, basename(resolve(model)))
  await cp(model, other, { recursive: true, filter: (path) => !path.endsWith('.safetensors') })
  symlinkSync(join(resolve(model), 'model.safetensors'), join(other, 'model.safetensors'))
  addTemplate(other)
  return other
}

function addTemplate(folder) {
  if (!hasTemplate(folder)) writeFileSync(join(folder, 'chat_template.jinja'), TEMPLATE)
}

function hasTemplate(folder) {
  if (existsSync(join(folder, 'chat_template.jinja'))) return true
  const config = join(folder, 'tokenizer_config.json')
  return existsSync(config) && JSON.parse(readFileSync(config, 'utf8')).chat_template !== undefined
}
