// Texts that repeat themselves because they should: what a model is asked for, and no loop.
import { random } from './claude-code-request.mjs'

const lines = (count, line) => Array.from({ length: count }, (_, i) => line(i)).join('\n')

function digits(next, count, alphabet) {
  return Array.from({ length: count }, () => alphabet[Math.floor(next() * alphabet.length)]).join('')
}

const HEX = '0123456789abcdef'
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

function packageLock(next) {
  const entry = (i) =>
    `    "node_modules/part-${i}": {\n      "version": "1.${i % 7}.0",\n      "resolved": "https://registry.example/part-${i}/-/part-${i}-1.${i % 7}.0.tgz",\n      "integrity": "sha512-${digits(next, 86, BASE64)}==",\n      "dev": true,\n      "license": "MIT"\n    },`
  return `{\n  "lockfileVersion": 3,\n  "packages": {\n${lines(150, entry)}\n  }\n}`
}

function table(rows) {
  const rule = '+--------+----------------------+------------+--------+'
  return `${rule}\n${lines(rows, (i) => `| ${String(i).padStart(6)} | item                 |       0.00 | ok     |\n${rule}`)}`
}

/** By name. Every text is a whole answer, or the content of a file. */
export function repetitiveTexts() {
  const next = random(5)
  return {
    'a lock file of npm': packageLock(next),
    'a lock file of Cargo': lines(
      200,
      (i) =>
        `[[package]]\nname = "crate-${i}"\nversion = "0.1.0"\nsource = "registry+https://example/index"\nchecksum = "${digits(next, 64, HEX)}"\n`,
    ),
    'a CSV of numbered rows': lines(1000, (i) => `${i},0,0,0,true,,2026-01-01`),
    'a CSV of zeros': lines(120, () => '0,0,0,0,0,0,0,0'),
    'a CSV of equal rows': lines(60, () => 'north,open,12.50,EUR,none'),
    'a hex dump of zeros': lines(
      600,
      (i) => `${(i * 16).toString(16).padStart(8, '0')}: ${'0000 '.repeat(8)} ${'.'.repeat(16)}`,
    ),
    'a hex dump without addresses': lines(60, () => '0000 '.repeat(8).trim()),
    'a hex dump of data': lines(400, (i) => `${(i * 16).toString(16).padStart(8, '0')}: ${digits(next, 32, HEX)}`),
    'an array of bytes': `const unsigned char data[] = {\n${lines(12, () => `  ${'0x00, '.repeat(12)}`)}\n};`,
    'a list of zeros': `[${'0, '.repeat(1000)}0]`,
    'an ASCII table': table(150),
    'an empty ASCII grid': lines(40, () => '|   |   |   |   |   |   |   |   |'),
    'a table of Markdown': `| a | b | c |\n${'|---'.repeat(40)}|\n${lines(300, (i) => `| ${i} | yes | - |`)}`,
    'a long rule': `Before\n${'-'.repeat(2000)}\n${'='.repeat(2000)}\nafter`,
    'minified code': `var ${Array.from({ length: 400 }, (_, i) => `a${i}=function(e,t){return e[${i}]=t,e}`).join(',')};`,
    'unrolled code': lines(300, (i) => `  sum += values[${i}] * weights[${i}];`),
    'equal assertions': lines(60, () => '  expect(result).toBe(0)'),
    'an SVG path': `<path d="M0 0${' l1 0 l0 1'.repeat(100)}"/>`,
    'base64 of zeros': 'A'.repeat(2000),
    'two thousand times a': 'a'.repeat(2000),
    'five hundred times ha': 'ha'.repeat(500),
    'a poem with a refrain': lines(
      20,
      (i) =>
        `Verse ${i} has words of its own, ${i * 7} of them,\nand then another line.\n\nRow, row, row your boat,\nGently down the stream.\nMerrily, merrily, merrily, merrily,\nLife is but a dream.\n`,
    ),
    'three thousand spaces': ' '.repeat(3000),
    'five hundred smileys': '🙂'.repeat(500),
    'five hundred times 哈': '哈'.repeat(500),
    'a log': lines(
      500,
      (i) =>
        `2026-01-01T00:${String(Math.floor(i / 60) % 60).padStart(2, '0')}:${String(i % 60).padStart(2, '0')}Z info GET /health 200`,
    ),
    'blank lines': `Start${'\n'.repeat(500)}end`,
    'a sprite': lines(16, () => `  ${'0x00, '.repeat(16)}`),
    'a map of tiles': lines(32, () => `  [${'0, '.repeat(31)}0],`),
    'a matrix of fractions': lines(20, () => `[${'0.0, '.repeat(19)}0.0],`),
    'a matrix of LaTeX': lines(20, () => `${Array(20).fill('0').join(' & ')} \\\\`),
    'a font without glyphs': lines(60, () => `  {${'0x00, '.repeat(7)}0x00},`),
    'a grid of boxes': `┌${'───┬'.repeat(9)}───┐\n${lines(30, () => `${'│   '.repeat(10)}│\n├${'───┼'.repeat(9)}───┤`)}`,
    'a chessboard': lines(32, (i) => (i % 2 ? '⬜⬛' : '⬛⬜').repeat(16)),
    'an HTML board': `<table>\n${`<tr>${'<td><input maxlength="1"></td>'.repeat(9)}</tr>\n`.repeat(9)}</table>`,
    'nested brackets': `${'['.repeat(500)}${']'.repeat(500)}`,
  }
}
