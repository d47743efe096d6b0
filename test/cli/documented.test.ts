/** The command lines that README.md and docs/ show are ones that tether understands. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readArgs } from '../../src/cli/args.js'

const root = join(import.meta.dirname, '..', '..')
const docs = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'))
const pages = ['README.md', ...docs.map((name) => `docs/${name}`)]

/** Lines for shells, without comments and what a shell does around them. */
function commandsIn(lines: string[]): string[] {
  const found = lines.flatMap((line) => {
    const inner = /\$\(([^)]*)\)/.exec(line)?.[1] ?? line
    const [, command] = /^(?:[A-Z_]+=\S+ )*(?:npx )?tether((?: .*)?)$/.exec(inner.replace(/\s+#.*$/, '').trim()) ?? []
    // Brackets, dots and capitals stand for what a reader chooses.
    return command === undefined || /[[\]|…]|\.\.\.|[A-Z]{2,}/.test(command) ? [] : [command.trim()]
  })
  return [...new Set(found)]
}

const blocks = /```sh\n([\s\S]*?)```/g

function wordsOf(command: string): string[] {
  return [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, one, other, plain]) => one ?? other ?? plain ?? '')
}

/** What is wrong with a command; undefined: nothing. */
function faultOf(command: string): string | undefined {
  try {
    readArgs(wordsOf(command))
  } catch (error) {
    return (error as Error).message
  }
}

describe.each(pages)('%s', (page) => {
  const text = readFileSync(join(root, page), 'utf8')

  test('shows commands as they are typed', () => {
    const lines = [...text.matchAll(blocks)].flatMap(([, block = '']) => block.split('\n'))
    expect(commandsIn(lines).filter((command) => faultOf(command) !== undefined)).toEqual([])
  })

  test('names commands and flags that there are', () => {
    const spans = [...text.replace(/```[\s\S]*?```/g, '').matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code)
    // A sentence may leave out what a command needs.
    const faults = commandsIn(spans).map(faultOf)
    expect(faults.filter((fault) => fault !== undefined && !/ needs /.test(fault))).toEqual([])
  })
})

test('a command that is no more would be found', () => {
  expect(() => readArgs(['serve', '--no-such-flag'])).toThrow('--no-such-flag')
})
