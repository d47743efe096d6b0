/** What of Claude Code's arguments is needed again when a conversation is resumed with --continue. */

/** They choose the conversation, or make another one. */
const choosing = words('-c --continue -r --resume --session-id --fork-session --from-pr --teleport --cloud')

/** Flags without a value: a word after them is the prompt. Of a flag that is not listed one word is taken as its value. */
const switches = words(`
  -c --continue --fork-session --allow-dangerously-skip-permissions --ax-screen-reader --bare --bg --background --brief
  --chrome --no-chrome --dangerously-skip-permissions --desktop --disable-slash-commands
  --exclude-dynamic-system-prompt-sections --ide --restricted --safe-mode --strict-mcp-config --tmux --verbose`)

/** Flags that take every word up to the next flag. */
const lists = words(`
  --add-dir --allowedTools --allowed-tools --betas --disallowedTools --disallowed-tools --file --mcp-config --tools`)

/** Whether these arguments continue a conversation that was there before. */
export function continues(claudeArgs: string[]): boolean {
  const end = claudeArgs.indexOf('--')
  return (end < 0 ? claudeArgs : claudeArgs.slice(0, end)).some((arg) => /^(-c|--continue|-r|--resume)(=|$)/.test(arg))
}

/** Without the prompt, which was answered, and without what --continue replaces. */
export function resumeArgs(claudeArgs: string[]): string[] {
  const kept: string[] = []
  const end = claudeArgs.indexOf('--')
  const own = end < 0 ? claudeArgs : claudeArgs.slice(0, end)
  for (let i = 0; i < own.length; ) {
    const word = own[i++] as string
    if (!isFlag(word)) continue
    const most = word.includes('=') || switches.includes(word) ? 0 : lists.includes(word) ? own.length : 1
    const start = i
    while (i < own.length && i - start < most && !isFlag(own[i] as string)) i++
    if (!choosing.includes(word.split('=')[0] as string)) kept.push(word, ...own.slice(start, i))
  }
  return kept
}

function isFlag(word: string): boolean {
  return word.startsWith('-') && word !== '-'
}

function words(text: string): string[] {
  return text.trim().split(/\s+/)
}
