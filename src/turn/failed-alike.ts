/** Whether results of tools are failures, and failures of one kind. */

/** Of a longer text the beginning and the end are read for signs of a failure. */
const READ = 1000
/** Longer texts are alike only where they are equal. */
const LONGEST = 16_000

const BEGINS_WITH =
  /^[\s\p{P}]*(?:\p{L}+ ){0,2}?(?:\p{L}*(?:error|exception)|failed|failure|fatal|panic|traceback|cannot|can't|could not|unable to|no such|not found|permission denied|command not found)(?!\p{L})/iu
const EXIT =
  /\bexit(?:ed)?[ _]?(?:with )?(?:code|status)?["']?(?: of)?\s{0,3}[:=]?\s{0,3}-?[1-9]|"(?:is_?error|error)"\s{0,3}:\s{0,3}(?:true|"[^"]|\{)|"(?:success|ok)"\s{0,3}:\s{0,3}false|"status"\s{0,3}:\s{0,3}"(?:error|failed)"/i

/** Whether a result says that its call failed, where the protocol has no field for that. */
export function saysFailure(text: string): boolean {
  const begin = text.slice(0, READ)
  return BEGINS_WITH.test(begin) || EXIT.test(begin) || (text.length > READ && EXIT.test(text.slice(-READ)))
}

/** What differs between two runs that fail in the same way. Counts and lines of a file are not among it. */
const OF_A_RUN: readonly RegExp[] = [
  /\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?/g,
  /(?<![\d:.])\d\d?:\d\d:\d\d(?:[.,]\d{1,9})?/g,
  /(?<![\w.])\d{1,9}(?:\.\d{1,9})?\s?(?:ns|us|µs|μs|ms|s|secs?|seconds?|mins?|minutes?)(?!\w)/g,
  /(?<=\b(?:duration|elapsed|took|time|timestamp)\w{0,12}["']?\s{0,3}[:=]?\s{0,3})\d{1,16}(?:\.\d{1,16})?/gi,
  /(?<=\b(?:pid|tid|process|thread|worker|job)["']?[ :=#[(]{0,3})\d{1,9}/gi,
  /(?<=\w\[|^==)\d{1,9}(?=\]:|==)/gm,
  /(?<!\w)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?!\w)/gi,
  /(?<!\w)(?:0x[0-9a-f]{1,16}|(?=[a-f]{0,32}\d)[0-9a-f]{8,64})(?!\w)/gi,
  /(?<=\b(?:request|req|trace|span|session|call|toolu|msg|run)(?:[_-]?id)?["']?[ :=#_-]{1,3}["']?)(?=[A-Za-z_-]{0,64}\d)[\w-]{6,64}/gi,
  /(?<=\/(?:tmp|var\/folders)\/)[^\s"':]{1,200}/g,
]

/** A text that failures of one kind have in common: without times, process numbers, addresses and ids, and in one spacing. */
export function kindOfFailure(text: string): string {
  if (text.length > LONGEST) return text
  return OF_A_RUN.reduce((rest, part) => rest.replace(part, '…'), text)
    .replace(/\s+/g, ' ')
    .trim()
}
