/** The types of requests, as an editor and a compiler see them. */
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, test, vi } from 'vitest'

// The compiler reads all of src/ and the official SDK's types, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000 })

const root = join(import.meta.dirname, '..', '..')
const samples = join(import.meta.dirname, 'request-samples.ts')
/** Exists only in the editor of these tests. */
const draft = join(import.meta.dirname, 'draft.ts')

const editor = openEditor()

describe('request-samples.ts', () => {
  test('compiles, and each of its wrong requests is an error', () => {
    const faults = [
      ...editor.service.getSyntacticDiagnostics(samples),
      ...editor.service.getSemanticDiagnostics(samples),
    ]
    expect(faults.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([])
    const text = ts.sys.readFile(samples) ?? ''
    expect(text.split('@ts-expect-error').length).toBeGreaterThan(25)
  })
})

const requestFields = [
  ...['max_tokens', 'messages', 'model', 'system', 'tools', 'tool_choice', 'thinking', 'stop_sequences', 'stream'],
  ...['output_config', 'temperature', 'top_p', 'top_k', 'min_p', 'repetition_penalty', 'seed'],
].sort()

describe('an editor offers', () => {
  test.each(['message', 'stream'])('every field of a request in model.%s({ })', (method) => {
    expect(offered(`model.${method}({ | })`)).toEqual(requestFields)
  })

  test('every field but max_tokens in model.countTokens({ })', () => {
    expect(offered('model.countTokens({ | })')).toEqual(requestFields.filter((name) => name !== 'max_tokens'))
  })

  test('messages, max_tokens and tools by their first letters', () => {
    for (const [begun, name] of [
      ['mess', 'messages'],
      ['max', 'max_tokens'],
      ['too', 'tools'],
    ]) {
      expect(offered(`model.message({ model: 'any', ${begun}| })`), begun).toContain(name)
    }
  })

  test.each([
    ['the fields of a message', '{ max_tokens: 1, messages: [{ | }] }', ['content', 'role']],
    ['the roles', "{ max_tokens: 1, messages: [{ role: '|' }] }", ['assistant', 'system', 'user']],
    [
      'the types of a block',
      "{ max_tokens: 1, messages: [{ role: 'user', content: [{ type: '|' }] }] }",
      'document image redacted_thinking text thinking tool_reference tool_result tool_use'.split(' '),
    ],
    [
      'the fields of a tool result',
      "{ max_tokens: 1, messages: [{ role: 'user', content: [{ type: 'tool_result', | }] }] }",
      ['content', 'is_error', 'tool_use_id'],
    ],
    ['the fields of a tool', '{ max_tokens: 1, tools: [{ | }] }', ['description', 'input_schema', 'name']],
    ['the choices', "{ max_tokens: 1, tool_choice: { type: '|' } }", ['any', 'auto', 'none', 'tool']],
    ['the fields of thinking', "{ max_tokens: 1, thinking: { type: 'enabled', | } }", ['budget_tokens']],
  ])('%s', (_, request, names) => {
    expect(offered(`model.message(${request})`)).toEqual(expect.arrayContaining(names))
  })

  test('a description beside each field of a request', () => {
    const { position } = write('model.message({ | })')
    for (const name of requestFields) {
      const entry = editor.service.getCompletionEntryDetails(draft, position, name, {}, undefined, {}, undefined)
      expect(ts.displayPartsToString(entry?.documentation), name).toMatch(/^[A-Z0-9].*\.$/s)
    }
  })
})

/** The names that an editor offers where `|` stands, sorted. */
function offered(statement: string): string[] {
  const { position } = write(statement)
  const list = editor.service.getCompletionsAtPosition(draft, position, {})
  return (list?.entries ?? []).map(({ name }) => name).sort()
}

function write(statement: string): { position: number } {
  const text = `import type { Model } from '../../src/index.js'\ndeclare const model: Model\n${statement}\n`
  editor.setDraft(text.replace('|', ''))
  return { position: text.indexOf('|') }
}

/** TypeScript's service for editors, with the project's own options, on the samples and a draft. */
function openEditor() {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.check.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
  let [text, version] = ['', 0]
  const host: ts.LanguageServiceHost = {
    getCompilationSettings: () => options,
    getScriptFileNames: () => [samples, draft],
    getScriptVersion: (file) => (file === draft ? String(version) : '0'),
    getScriptSnapshot: (file) => {
      const content = file === draft ? text : ts.sys.readFile(file)
      return content === undefined ? undefined : ts.ScriptSnapshot.fromString(content)
    },
    getCurrentDirectory: () => root,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    fileExists: (file) => file === draft || ts.sys.fileExists(file),
    readFile: ts.sys.readFile,
    readDirectory: ts.sys.readDirectory,
    directoryExists: ts.sys.directoryExists,
    getDirectories: ts.sys.getDirectories,
    realpath: ts.sys.realpath,
  }
  return {
    service: ts.createLanguageService(host),
    setDraft(content: string) {
      text = content
      version++
    },
  }
}
