/** Templates in small pieces, whose results jinja2 recorded (oracle/jinja_snippets.py). */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Template, TemplateError } from '../../src/chat/jinja/template.js'

const golden = join(import.meta.dirname, 'golden')
const file = (name: string) => readFileSync(join(golden, name), 'utf8')

interface Snippet {
  source: string
  text?: string
  error?: string
}

const snippets: Snippet[] = file('jinja.jsonl')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line))
// JSON.parse rounds an int of this length.
const variables = { ...JSON.parse(file('jinja-variables.json')), big: 12345678901234567890123n }
const now = new Date(Date.UTC(2024, 6, 26, 15, 4, 5))
const render = (source: string, more = {}) => new Template(source).render({ ...variables, ...more }, { now })

describe('a template', () => {
  test('has hundreds of recorded snippets', () => {
    expect(snippets.filter(({ text }) => text !== undefined).length).toBeGreaterThan(700)
    expect(snippets.filter(({ error }) => error !== undefined).length).toBeGreaterThan(100)
  })

  test.each(snippets.filter(({ text }) => text !== undefined))(
    'renders as jinja2 does: $source',
    ({ source, text }) => {
      expect(render(source)).toBe(text)
    },
  )

  test.each(snippets.filter(({ error }) => error !== undefined))('fails as jinja2 does: $source', ({ source }) => {
    expect(() => render(source)).toThrow(TemplateError)
  })
})

describe('an error of a template', () => {
  test.each([
    [
      'says the line and what is undefined',
      'a\n{% if true %}\n{{ missing.x }}\n{% endif %}',
      "line 3: 'missing' is undefined",
    ],
    [
      'says the line of the call after a macro of other lines',
      '{% macro m() %}\n\n\nx{% endmacro %}\n{{ m() + 1 }}',
      /^line 5: /,
    ],
    ['says what has no such attribute', '{{ nested.q.r }}', "line 1: 'dict object' has no attribute 'q'"],
    ['says the line of a tag that is unknown', '\n{% nope %}', 'line 2: unknown tag "nope"'],
    ['says the line where a tag is expected', '{% if a %}\nb\n', /^line 3?2?: the template ends before {% endif %}/],
    [
      'has the text of raise_exception alone',
      "\n\n{{ raise_exception('roles must alternate') }}",
      'roles must alternate',
    ],
  ])('%s', (_, source, message) => {
    let caught: unknown
    try {
      render(source)
    } catch (error) {
      caught = error
    }
    expect(caught).toBeInstanceOf(TemplateError)
    expect((caught as Error).message).toEqual(typeof message === 'string' ? message : expect.stringMatching(message))
  })
})

/** Each of these would take for ever, fill the memory or the stack. */
const ENDLESS = [
  "{{ 'a' * 10**9 }}",
  '{{ [0] * 10**9 }}',
  '{{ (0,) * 10**9 }}',
  '{{ 10 ** (10**9) }}',
  '{{ (2 ** 60000) ** 60000 }}',
  "{{ '%1000000000d' % 1 }}",
  "{{ '%.1000000000f' % 1.5 }}",
  "{{ '{:1000000000}'.format(1) }}",
  "{{ 'a'.center(10**9) }}",
  "{{ 'a' | center(10**9) }}",
  "{{ 'a\nb' | indent(10**9) }}",
  '{{ [1] | tojson(indent=10**9) }}',
  "{{ '\t'.expandtabs(10**9) }}",
  "{{ [1] | batch(10**9, 'x') | list }}",
  '{{ [1] | slice(10**9) | list }}',
  '{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}',
  '{% for a in range(99999) %}{% for b in range(99999) %}{{ a }}{% endfor %}{% endfor %}',
  "{% set ns = namespace(x='ab') %}{% for a in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}",
  '{% set ns = namespace(x=[1]) %}{% for a in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}',
  '{% set ns = namespace(x=9) %}{% for a in range(99) %}{% set ns.x = ns.x * ns.x %}{% endfor %}',
  "{% set ns = namespace(x='a') %}{% for a in range(99) %}{% set ns.x = ns.x.replace('a', 'aa') %}{% endfor %}",
  "{% set ns = namespace(x=['a']) %}{% for a in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
  "{% set ns = namespace(x=['a'], y=['a']) %}{% for a in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}{% endfor %}{{ ns.x == ns.y }}",
  "{% set ns = namespace(x=['a']) %}{% for a in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x | tojson }}",
  "{% set t = 'ab' * 1000000 %}{% for a in range(99999) %}{{ 'x' in t }}{% endfor %}",
  "{% set t = 'ab' * 1000000 %}{% for a in range(99999) %}{{ t.upper()[0] }}{% endfor %}",
  "{% set t = 'ab' * 1000000 %}{% for a in range(99999) %}{{ t.isalpha() }}{% endfor %}",
  "{% set t = 'ab' * 1000000 %}{% for a in range(99999) %}{{ t == t[1:] ~ 'a' }}{% endfor %}",
  "{% set t = '😀' * 1000000 %}{% for a in range(99999) %}{{ t | length }}{{ t[5] }}{% endfor %}",
  '{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}',
  '{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}',
  '{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}',
  '{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}',
  `{{ ${'('.repeat(5000)}1${')'.repeat(5000)} }}`,
  `{{ ${'['.repeat(5000)}1${']'.repeat(5000)} }}`,
  `{{ ${'not '.repeat(5000)}1 }}`,
  `{{ ${'-'.repeat(5000)}1 }}`,
  `{{ ${'1 if 1 else '.repeat(5000)}1 }}`,
  '{% if 1 %}'.repeat(5000) + '{% endif %}'.repeat(5000),
]

describe('a template that would not end', () => {
  test.each(ENDLESS)('is stopped: %.60s', (source) => {
    expect(() => render(source)).toThrow(TemplateError)
  })

  test('is stopped by input that is nested too deeply', () => {
    let deep: unknown = 1
    for (let i = 0; i < 100_000; i++) deep = [deep]
    expect(() => render('{{ deep }}', { deep })).toThrow(TemplateError)
  })

  test.each([
    `{{ 1 ${'+ 1'.repeat(20_000)} }}`,
    `{{ 'a' ${"~ 'a'".repeat(20_000)} }}`,
    `{{ text ${'| trim'.repeat(20_000)} }}`,
    `{{ messages${'[0:]'.repeat(20_000)} }}`,
    `{% if no %}{% ${'elif no %}{% '.repeat(20_000)}endif %}`,
    '{{ x }}'.repeat(20_000),
  ])('but a long one renders or fails with an error of its own: %.40s', (source) => {
    try {
      expect(typeof render(source)).toBe('string')
    } catch (error) {
      expect(error).toBeInstanceOf(TemplateError)
    }
  })
})

test('a character may be left as it is where others are escaped', () => {
  const verbatim = '\ue000'
  const source = "{{ ['a\ue000\ue001'] }}{{ 'a\ue000é' | tojson(ensure_ascii=true) }}{{ 'a\ue000' | urlencode }}"
  expect(new Template(source).render({}, { now, verbatim })).toBe(`['a\ue000\\ue001']"a\ue000\\u00e9"a\ue000`)
})
