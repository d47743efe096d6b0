/** A template from anywhere ends soon, whatever it does: with its text, or with an error that says what was too much. */
import { expect, test } from 'vitest'
import { sharing, Template, TemplateError } from '../../src/chat/jinja/template.js'

const render = (source: string) => new Template(source).render({}, { now: new Date(0) })
const twelve = '{% for i in range(1000) %}{% set x = '

test.each([
  ['loops', '{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}'],
  [
    'macros that call themselves twice',
    '{% macro a(n) %}{% if n %}{{ a(n-1) }}{{ a(n-1) }}{% endif %}{% endmacro %}{{ a(150) }}',
  ],
  ['texts that double', '{% set n = namespace(s="aa") %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}'],
  ['lists that double', '{% set n = namespace(l=[1]) %}{% for i in range(60) %}{% set n.l = n.l + n.l %}{% endfor %}'],
  [
    'a list that holds itself twice, often',
    '{% set n = namespace(l=[1]) %}{% for i in range(60) %}{% set n.l = [n.l, n.l] %}{% endfor %}{{ n.l|tojson }}',
  ],
  ['titles', `{% set s = "a b" * 1000000 %}${twelve}s|title %}{% endfor %}`],
  ['the method title', `{% set s = "a b" * 1000000 %}${twelve}s.title() %}{% endfor %}`],
  ['tags without an end', `{% set s = "<" * 1000000 %}${twelve}s|striptags %}{% endfor %}`],
  ['comments without an end', `{% set s = "<!--" * 1000000 %}${twelve}s|striptags %}{% endfor %}`],
  ['escapes for URLs', `{% set s = "é" * 1000000 %}${twelve}s|urlencode %}{% endfor %}`],
  ['a line to wrap', `{% set s = "a" * 1000000 %}${twelve}s|wordwrap(10) %}{% endfor %}`],
  ['hyphens to wrap at', `{% set s = "ab-" * 1000000 %}${twelve}s|wordwrap(10) %}{% endfor %}`],
  ['slices between pairs', `{% set s = "😀" * 1000000 %}${twelve}s[1:2] %}{% endfor %}`],
  ['stripping pairs', `{% set s = "😀" * 1000000 %}${twelve}s.strip() %}{% endfor %}`],
  [
    'searches for a long text',
    `{% set s = "a" * 1000000 %}{% set t = "a" * 5000 ~ "b" ~ "a" * 5000 %}${twelve}(t in s) %}{% endfor %}`,
  ],
  [
    'finding a long text',
    `{% set s = "a" * 1000000 %}{% set t = "a" * 5000 ~ "b" ~ "a" * 5000 %}${twelve}s.find(t) %}{% endfor %}`,
  ],
  ['replacing nothing', `{% set s = "a" * 1000000 %}${twelve}s.replace("", "") %}{% endfor %}`],
  ['cases', `{% set s = "ab" * 1000000 %}${twelve}s.swapcase() %}{% endfor %}`],
  ['lower case', `{% set s = "ab" * 1000000 %}${twelve}s.lower() %}{% endfor %}`],
  ['questions about characters', `{% set s = "ab" * 1000000 %}${twelve}s.isalnum() %}{% endfor %}`],
  ['counting words', `{% set s = "a b" * 1000000 %}${twelve}s|wordcount %}{% endfor %}`],
  ['reversing', `{% set s = "ab" * 1000000 %}${twelve}s|reverse %}{% endfor %}`],
  ['spaces', `{% set s = "\\t" * 1000000 %}${twelve}s.expandtabs(8) %}{% endfor %}`],
  ['large powers', '{{ 7 ** 10000000 }}'],
  ['large repeats', '{{ "a" * 1000000000 }}{{ [1] * 1000000000 }}'],
])(
  '%s',
  (_, source) => {
    const started = process.cpuUsage().user
    expect(() => render(source)).toThrow(TemplateError)
    // In microseconds of this process alone: a busy machine does not count.
    expect(process.cpuUsage().user - started).toBeLessThan(15e6)
  },
  60_000,
)

test('renders that share their work may do as much together as one alone', () => {
  const third = '{% for i in range(100) %}{% for j in range(27000) %}{% endfor %}{% endfor %}'
  for (let i = 0; i < 4; i += 1) expect(render(third)).toBe('')
  expect(() => sharing(() => [1, 2, 3, 4].map(() => render(third)))).toThrow(/more than/)
  expect(render(third)).toBe('')
})
