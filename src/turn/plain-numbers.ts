/** Numbers as people write them, in ASCII digits: of any script, with marks between thousands, in words. */

/** Words of one number each, in large languages besides English: the round ones that people ask for. */
const ROUND: Readonly<Record<string, number>> = {
  ...allAs(100, 'hundert einhundert cien cent cento cem сто honderd sto yüz hundra'),
  ...allAs(200, 'zweihundert doscientos doscientas duecento duzentos duzentas двести tweehonderd dwieście'),
  ...allAs(300, 'dreihundert trescientos trescientas trecento trezentos trezentas триста driehonderd trzysta'),
  ...allAs(500, 'fünfhundert quinientos quinientas cinquecento quinhentos quinhentas пятьсот vijfhonderd pięćset'),
  ...allAs(1000, 'tausend eintausend mil mille тысяча тысячу duizend tysiąc tusen'),
  ...allAs(2000, 'zweitausend duemila tweeduizend'),
  'deux cents': 200,
  'trois cents': 300,
  'cinq cents': 500,
  'deux mille': 2000,
  'dos mil': 2000,
}

const SMALL: Readonly<Record<string, number>> = Object.fromEntries([
  ...'one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'
    .split(' ')
    .map((word, i) => [word, i + 1]),
  ...'twenty thirty forty fifty sixty seventy eighty ninety'.split(' ').map((word, i) => [word, 10 * (i + 2)]),
])
const SCALE: Readonly<Record<string, number>> = { dozen: 12, hundred: 100, thousand: 1000, million: 1_000_000 }

const ENGLISH = new RegExp(
  `\\b(?:(?:a|an|${Object.keys(SMALL).join('|')}|\\d{1,3})[ -])?(?:${Object.keys({ ...SMALL, ...SCALE }).join('|')})\\b(?:(?:[ -]| and )(?:${Object.keys({ ...SMALL, ...SCALE }).join('|')})\\b)*`,
  'g',
)
const OTHERS = new RegExp(`(?<!\\p{L})(?:${Object.keys(ROUND).join('|')})(?!(?!mal(?!\\p{L}))\\p{L})`, 'gu')
// Only before what is counted: the same signs stand in many words.
const HAN = /[一二两兩三四五六七八九十百千万]{1,12}(?=\s?[个個行条條遍次回篇段句字枚件度倍份本文])/g
const HAN_DIGITS: Readonly<Record<string, number>> = Object.fromEntries(
  [...'一二三四五六七八九']
    .map((digit, i) => [digit, i + 1])
    .concat([
      ['两', 2],
      ['兩', 2],
    ]),
)
const HAN_SCALE: Readonly<Record<string, number>> = { 十: 10, 百: 100, 千: 1000, 万: 10_000 }
const KOREAN = /(?<!\p{L})([이삼사오육칠팔구]?)(백|천|만)(?=\s?[번개줄회])/gu
const KOREAN_DIGITS = '이삼사오육칠팔구'
const KOREAN_SCALE: Readonly<Record<string, number>> = { 백: 100, 천: 1000, 만: 10_000 }
// 1,000 1.000 1 000 1'000 1_000
const GROUPED = /(?<![\w.,])\d{1,3}(?:([,.'’_ ])\d{3})(?:\1\d{3})*(?![\d]|[.,]\d)/g

/** In lower case and compatibility form, with each number in digits alone. */
export function plainNumbers(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/(?![0-9])\p{Nd}/gu, asciiDigit)
    .replace(GROUPED, (digits) => digits.replace(/\D/g, ''))
    .replace(/(?<![\w.])(\d{1,4})k(?!\w)/g, (_, thousands: string) => `${thousands}000`)
    .replace(ENGLISH, (words) => String(english(words)))
    .replace(OTHERS, (word) => String(ROUND[word]))
    .replace(HAN, (numeral) => String(han(numeral)))
    .replace(KOREAN, (_, digit: string, scale: string) => String(korean(digit, scale)))
}

/** Digits stand in runs of ten, from zero on. */
function asciiDigit(digit: string): string {
  const code = digit.codePointAt(0) as number
  let value = 0
  while (value < 9 && /\p{Nd}/u.test(String.fromCodePoint(code - value - 1))) value++
  return String(value)
}

function english(words: string): number {
  let total = 0
  let part = 0
  for (const word of words.split(/[ -]/)) {
    const scale = SCALE[word]
    if (word === 'a' || word === 'an') part = 1
    else if (scale !== undefined && scale >= 1000) {
      total += Math.max(1, part) * scale
      part = 0
    } else if (scale !== undefined) part = Math.max(1, part) * scale
    else if (word !== 'and') part += SMALL[word] ?? Number(word)
  }
  return total + part
}

function han(numeral: string): number {
  let total = 0
  let part = 0
  let digit = 0
  for (const sign of numeral) {
    const scale = HAN_SCALE[sign]
    if (scale === undefined) digit = HAN_DIGITS[sign] as number
    else if (scale === 10_000) {
      total = Math.max(1, total + part + digit) * scale
      part = 0
      digit = 0
    } else {
      part += Math.max(1, digit) * scale
      digit = 0
    }
  }
  return total + part + digit
}

function korean(digit: string, scale: string): number {
  return (digit === '' ? 1 : KOREAN_DIGITS.indexOf(digit) + 2) * (KOREAN_SCALE[scale] as number)
}

/** Each of the words with the same number. */
export function allAs(value: number, words: string): Record<string, number> {
  return Object.fromEntries(words.split(' ').map((word) => [word, value]))
}
