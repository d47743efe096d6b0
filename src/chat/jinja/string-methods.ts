/** Python's methods of strings. */
import { building, seeking, TemplateError, walking } from './limits.js'
import { isPrintable } from './python-text.js'
import { count, text, texts } from './signature.js'
import * as text_ from './text.js'
import { lengthOf, listOf, Tuple, type Value } from './values.js'

type Given = (Value | undefined)[]
export type Method<T> = [parameters: string[], run: (self: T, given: Given) => Value]

const plain = (run: (self: string) => Value): Method<string> => [
  [],
  (self) => {
    building(self.length)
    return run(self)
  },
]
const all = (pattern: RegExp): Method<string> =>
  plain((self) => {
    walking(self.length / 4)
    return pattern.test(self)
  })

const strip = (sides: text_.Sides): Method<string> => [
  ['chars?'],
  (self, [chars]) => text_.strip(self, chars === undefined || chars === null ? undefined : text(chars, 'strip'), sides),
]

const split = (fromRight: boolean): Method<string> => [
  ['sep?', 'maxsplit?'],
  (self, [sep, most]) => {
    const separator = sep === undefined || sep === null ? undefined : text(sep, 'split')
    return text_.split(self, separator, most === undefined ? -1 : count(most, 'split'), fromRight)
  },
]

const find = (name: string, fromRight: boolean): Method<string> => [
  ['sub', 'start?', 'end?'],
  (self, [sub, start, end]) => {
    const at = text_.find(self, text(sub, name), limit(start, name), limit(end, name), fromRight)
    if (at < 0 && name.endsWith('index')) throw new TemplateError('substring not found')
    return at
  },
]

const limit = (value: Value | undefined, name: string): number | undefined =>
  value === undefined || value === null ? undefined : count(value, name)

const edge = (name: 'startswith' | 'endswith'): Method<string> => [
  ['prefix', 'start?', 'end?'],
  (self, [prefix, start, end]) => {
    const part = start === undefined ? self : text_.section(self, limit(start, name), limit(end, name))
    if (part === undefined) return false
    return texts(prefix, name).some((one) => (name === 'startswith' ? part.startsWith(one) : part.endsWith(one)))
  },
]

const partition = (fromRight: boolean): Method<string> => [
  ['sep'],
  (self, [sep]) => {
    const separator = text(sep, 'partition')
    if (separator === '') throw new TemplateError('empty separator')
    seeking(self, separator)
    const at = fromRight ? self.lastIndexOf(separator) : self.indexOf(separator)
    if (at < 0) return new Tuple(fromRight ? ['', '', self] : [self, '', ''])
    return new Tuple([self.slice(0, at), separator, self.slice(at + separator.length)])
  },
]

const justify = (side: text_.Sides): Method<string> => [
  ['width', 'fillchar?'],
  (self, [width, fill]) => {
    const filler = fill === undefined ? ' ' : text(fill, 'justify')
    if (lengthOf(filler) !== 1) throw new TemplateError('The fill character must be exactly one character long')
    return text_.justify(self, count(width, 'justify'), filler, side)
  },
]

const cased = (self: string, wanted: RegExp, other: RegExp) => wanted.test(self) && !other.test(self)

export const STRING_METHODS: Record<string, Method<string>> = {
  capitalize: plain(text_.capitalize),
  casefold: plain(text_.casefold),
  center: justify('both'),
  count: [
    ['sub', 'start?', 'end?'],
    (self, [sub, start, end]) => {
      const part = text_.section(self, limit(start, 'count'), limit(end, 'count'))
      return part === undefined ? 0 : text_.countOf(part, text(sub, 'count'))
    },
  ],
  endswith: edge('endswith'),
  expandtabs: [['tabsize?'], (self, [size = 8]) => text_.expandTabs(self, count(size, 'expandtabs'))],
  find: find('find', false),
  index: find('index', false),
  isalnum: all(/^[\p{L}\p{N}]+$/u),
  isalpha: all(/^\p{L}+$/u),
  isascii: all(/^[\0-\x7f]*$/),
  isdecimal: all(/^\p{Nd}+$/u),
  isdigit: all(/^[\p{Nd}²³¹⁰⁴-⁹₀-₉①-⑨⑴-⑼⒈-⒐⓪⓵-⓽⓿❶-❾➀-➈➊-➒]+$/u),
  isidentifier: all(/^[\p{XID_Start}_]\p{XID_Continue}*$/u),
  islower: plain((self) => cased(self, /\p{Lowercase}/u, /\p{Uppercase}|\p{Lt}/u)),
  isnumeric: all(/^\p{N}+$/u),
  isprintable: plain(isPrintable),
  isspace: plain(text_.isSpace),
  istitle: plain((self) => /\p{Cased}/u.test(self) && self === text_.title(self)),
  isupper: plain((self) => cased(self, /\p{Uppercase}/u, /\p{Lowercase}|\p{Lt}/u)),
  join: [['iterable'], (self, [items]) => text_.join(self, joinable(items as Value))],
  ljust: justify('right'),
  lower: plain((self) => self.toLowerCase()),
  lstrip: strip('left'),
  partition: partition(false),
  removeprefix: [
    ['prefix'],
    (self, [prefix]) => (self.startsWith(text(prefix, 'removeprefix')) ? self.slice((prefix as string).length) : self),
  ],
  removesuffix: [
    ['suffix'],
    (self, [suffix]) =>
      suffix !== '' && self.endsWith(text(suffix, 'removesuffix')) ? self.slice(0, -(suffix as string).length) : self,
  ],
  replace: [
    ['old', 'new', 'count?'],
    (self, [old, replacement, most = -1]) =>
      text_.replace(self, text(old, 'replace'), text(replacement, 'replace'), count(most, 'replace')),
  ],
  rfind: find('rfind', true),
  rindex: find('rindex', true),
  rjust: justify('left'),
  rpartition: partition(true),
  rsplit: split(true),
  rstrip: strip('right'),
  split: split(false),
  splitlines: [['keepends?'], (self, [keep = false]) => text_.splitLines(self, keep !== false && keep !== 0)],
  startswith: edge('startswith'),
  strip: strip('both'),
  swapcase: plain(text_.swapCase),
  title: plain(text_.title),
  upper: plain((self) => self.toUpperCase()),
  zfill: [
    ['width'],
    (self, [width]) => {
      const sign = /^[-+]/.exec(self)?.[0] ?? ''
      return sign + text_.justify(self.slice(sign.length), count(width, 'zfill') - sign.length, '0', 'left')
    },
  ],
}

function joinable(items: Value): string[] {
  return listOf(items).map((item, i) => {
    if (typeof item === 'string') return item
    throw new TemplateError(`sequence item ${i}: expected str instance`)
  })
}
