/** The words by which a request for repetition is known, in large languages. All in lower case and compatibility form. */
import { allAs } from './plain-numbers.js'

/** A word or two after a number, which say how often: `200 times`, `200x`, `200遍`. */
export const TIMES = new RegExp(
  `^\\s?-?(?:(?:more|further|separate|consecutive|successive|individual|whole|full|additional|extra|freaking|fucking|damn) )?(?:(?:${words(
    'times time copies copy repetitions repeats duplicates x × mal kopien veces copias fois copies volte copie vezes',
    'cópias keer maal раз раза разів копий razy krát kez kere defa kali lần gånger ganger gange kertaa φορές פעמים مرة مرات बार',
    'ครั้ง szor szer ször de.ori',
  )})(?![\\p{L}\\p{M}])|[遍次回]|번(?!째)|회)`,
  'u',
)

/** After that it is a comparison or a rate, or it was a size such as 640 x 480. */
export const NO_TIMES =
  /^\s?(?:\d|per\b|a (?:day|second|minute|hour|week)|(?:as )?(?:faster|slower|more|less|better|cheaper|smaller|larger|bigger|higher|lower|quicker|shorter|longer|fewer|speed|improvement|zoom|schneller|mehr|目))/u

/** How much text one of these is, in tokens; of other things it is a few. */
export const SIZES: ReadonlyMap<string, number> = new Map(
  Object.entries({
    ...allAs(
      1,
      'tokens token characters character chars char bytes byte zeichen caracteres caractères caratteri символов',
    ),
    ...allAs(1, '字 文字 글자 자'),
    ...allAs(2, 'words word wörter palabras mots parole palavras слов woorden 词 語'),
    ...allAs(1024, 'kb kib kilobytes kilobyte'),
  }),
)

/** Words behind a number that make it no count of things to write: units, connecting words. */
export const NO_THING = new RegExp(
  `^(?:${words(
    'ms s sec secs second seconds min mins minute minutes h hour hours day days week weeks month months year years px pt em rem',
    'percent mb mib gb gib tb hz khz mhz ghz fps rps qps usd eur dollars euros degrees dpi ttl foot feet st nd rd th am pm',
    'to and or in into for is at as on by with if when then from that which but so was were are has have per not only instead',
    'und oder als auf zu y o en para et ou à pour e и или в на to port error errors status response page requests iterations sekunden',
  )})(?![\\p{L}\\p{M}])|^\\p{L}+ (?:per|from)\\b|^[年月日時时分秒号號目番页頁級级層层]|^行目|^번째|^(?:년|월|일|초)(?![\\p{L}])`,
  'u',
)

/** What stands before a number that is a limit or a date. */
export const NO_COUNT = new RegExp(
  `(?:\\b(?:${words(
    'since until before after within under below over first last top next every each timeout limit max maximum min minimum most up.to',
    'retry retries depuis seit',
  )})[ :=]{1,2}|[第在#])\\s*$`,
  'u',
)

/** What stands before a number that names a place or a thing; how often it comes may follow that, too. */
export const NAMED = new RegExp(
  `\\b(?:${words(
    'lines? rows? port ports http https error code status issue issues pr bug ticket page pages version versions step chapter section',
    'id year than size width height index number no nr chunk batch pid seed commit release node python java level zeile año línea ligne',
    'riga',
  )})[ :=]{1,2}$`,
  'u',
)

/** An English verb in the imperative, or behind a word that asks. */
export const ASKS = new RegExp(
  `(?:(?:^|[-*•,:;(.>]|\\b(?:${words("please pls and then to you just now also let's so but or me kindly hey hi yo ok okay yes no well simply instead again finally")}))\\s*\\b(?:${words(
    'write print repeat say output generate create give list produce type echo show send emit fill draw display respond reply',
    'answer recite spell sing chant copy paste duplicate clone replicate spam shout put insert append add dump compose render need',
    'want gimme',
  )}|(?:keep|start|begin|try|mind|about) (?:on )?(?:writing|printing|repeating|saying|typing|copying|singing)|make(?! (?:it|sure|them|this|that|the|these|those|all|every)\\b)|do (?:it|this|that|so))|\\bi(?:'d| would)? (?:need|want|like)|\\b(?:can|could|may) i (?:get|have)|\\blet's have|\\b(?:should|must|shall|needs to|has to) (?:have|contain|be))\\b(?! to\\b)`,
  'g',
)

/** Verbs of other languages, anywhere in the sentence: some put them last. Beginnings of words, and whole ones where English has more. */
export const ASKS_ELSEWHERE = new RegExp(
  `(?<!\\p{L})(?:${words(
    'schreib wiederhol kopier erzeug erstell füll escrib écri copie mets envoie affiche répèt répét génère escrev ripet scriv schrijf herhaal напиши напечатай выведи',
    'повтори скопируй сгенерируй создай создать скажи сделай покажи tekrarla oluştur napiš zopakuj írd ismételd napisz powtórz wypisz utwórz zrób ulangi cetak upprepa',
    'gjenta kirjoita toista γράψε כתוב اكتب اطبع كرر लिख दोहरा छाप เขียน พิมพ์',
  )}|(?:${words(
    'gib gebe drucke drucken sag sage sagen mach mache machen zeig zeige liste imprime imprimer imprimir imprima repite repita repetir',
    'copia copien pon envía genera genere generar gere crea crear cree crée créer crie cria criar muestra haz dame pinta donne fais scrivi scrivere stampa',
    'stampare dammi diga faça ponha maak typ дай yaz söyle viết tạo lặp tulis buat skriv skapa scrie repetă',
  )})(?!\\p{L}))|[写寫说說抄发發]|复制|複製|打印|输出|輸出|重复|重複|生成|列出|创建|给我|書|出力|繰り返|くりかえ|言って|作成|作って|並べ|出して|[個つ本枚回]ください|表示|써|쓰|출력|반복|말해|만들|적어|보내\\s?줘`,
  'u',
)

/** Behind the verb these begin something else than what is to be written. */
export const TURNS_AWAY =
  /\b(?:that|which|who|whose|when|whenever|if|because|after|before|where|so|until|while|unless|to (?!me\b|us\b)|(?:on|for|of|from|over|about) the)\b/

/** A program that does it; what it does is not written out. */
export const PROGRAM =
  /\b(?:functions?|code|methods?|scripts?|programs?|loops?|class|component|endpoint|regex|quer(?:y|ies)|benchmarks?|tests?|hooks?|commands?|macro|routine|cli|app|bot|server|api|worker|job|retry|retries)\b.{0,80}?\b(?:that|which|to|returning|printing|calling|running|sending|doing|generating|writing|creating|producing|where|when)\b|\brepeat (?:the|this|that|each) (?:request|test|benchmark|run|build|call|query|process|experiment|measurement|check)\b/

/** All of them are to be alike. */
export const SAME = new RegExp(
  `(?:\\b(?:same|empty|blank|equal|identical|repeat(?:ed|ing|s)?|duplicated?|over and over|again and again|alike|(?:each|every)(?: \\p{L}+)? (?:is|be|being|saying|reads|says|with|of them|"")|nothing (?:else|but))(?!\\w))|(?<!\\p{L})(?:${words(
    'gleich identisch leer vacía vacío vide vuot vazi пуст selbe wiederhol igual idéntic iguais mismo misma identique même uguale identic stess mesm gelijk identiek dezelfde одинаков',
    'идентичн повтор',
  )})|相同|一样|一樣|重复|同じ|繰り返|같은|똑같|동일`,
  'u',
)

/** Things that are alike where nobody says how they differ. */
export const SIGNS = new RegExp(
  `^(?:\\p{L}+ )?(?:\\p{L}['’]s|letters? \\p{L}|${words(
    'emojis? smileys? smilies hearts? stars? zeros zeroes ones dots dashes underscores hyphens asterisks spaces newlines signs? nullen leerzeichen',
    'herzen sterne ceros espacios zéros espaces нулей смайликов',
  )})(?![\\p{L}\\p{M}])|^[个個]?(?:零|表情|爱心|愛心|空格)|^(?:絵文字|이모지)`,
  'u',
)

/** They are to differ, whatever else is said. */
export const DIFFERENT =
  /\b(?:different|unique|distinct|various|varied|random|realistic|unterschiedliche|verschiedene|diferentes|différentes?)\b|不同|随机|違う|다른/

/** Behind the things: what each of them says. `300 lines of hello`. */
export const OF_WHAT =
  /^(?:\p{L}+ ){0,2}?(?:lines?|rows?|entries|items|elements|records|cells|grid|matrix|array|table|board|paragraphs?|messages?|strings?|lists?|pages?|blocks?) (?:of|saying|that says?|that reads?|with just|with only|containing just|containing only) (?:(?:just|only|the|(?:text|string|line|row|phrase|sentence|word)(?= "")) )*(\S+)/u

/** `300 lines: "hello"`; with what connects the quoted text to something else it is a name. */
export const QUOTED =
  /^(?:(?!(?:for|to|in|into|from|on|at|by|and|or|using|under|about|of|named|called)\b)\p{L}+\s?){1,4}[,:–(-]?\s?(?:each |being |with )*["“„«「『`]/u

/** Between what asks and `300 lines`: a quoted text that goes on them. */
export const ON_THEM = /"".*\b(?:on|in|over|across|into|as)\s$/
export const LINES = /^(?:\p{L}+ )?(?:lines?|rows?)\b/u

/** Sizes of grids; other sizes are of pictures. */
export const GRID =
  /\b(\d{1,9})\s?[x×]\s?(?=\d{1,9}\s(?:\p{L}+\s){0,2}(?:grid|matrix|table|array|board|square|map|tilemap|sprite|bitmap|maze|checkerboard|chessboard)\b)/gu

/** What a grid of so many rows is, behind the number of its columns. */
export const GRID_BEHIND =
  /^ (?:\p{L}+ ){0,2}(?:grid|matrix|table|array|board|square|map|tilemap|sprite|bitmap|maze|checkerboard|chessboard)\b/u
export const ROWS_BEFORE = /\b(\d{1,9}) by $/

/** The text that is to come so often, or what is always alike, right before the number. */
export const RIGHT_BEFORE = /(?:""\s?(?:を|って|을|를)?|(?:ハート|絵文字|하트|이모지)(?:を|를|을)?)\s?$/

/** A sentence behind that of the things: each of them says the same. */
export const EACH_SAYS =
  /^\s*(?:(?:and|where) )?(?:each|every|all)\b.{0,30}?\b(?:same|identical|equal|reads?|says?|(?:be|is|are|contains?)(?::| ?"))/

/** Said of kinds of text, not of one text. */
export const KINDS = new Set(
  words(
    'code text output data log logs json csv tests test python javascript typescript c rust go java html css sql documentation docs',
    'prose context history content sample dummy mock example lorem comments source input writing dialogue poetry these those',
  ).split('|'),
)

function words(...lists: string[]): string {
  return lists.join(' ').split(' ').join('|')
}
