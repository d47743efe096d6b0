/** Commands of ollama and the like that tether does not have: what to type instead. */
import { tetherCommand } from './tether-command.js'

/** Read as --list. */
export const listVerbs = ['ls', 'list']

/** -> what to say; undefined if the word is not such a command */
export function insteadOf(verb: string, model = 'NAME'): string | undefined {
  switch (verb) {
    case 'run':
      return `to run a model:\n  ${tetherCommand(['--model', model])}`
    case 'serve':
      return `to run only the server:\n  ${tetherCommand(['--serve-only'])}`
    case 'show':
      return `to see what is known of each model (tether show is planned):\n  ${tetherCommand(['--list', '--json'])}`
    case 'ps':
      return `to see which servers run (tether ps is planned), in the line about the port:\n  ${tetherCommand(['doctor'])}`
    case 'stop':
      return 'press Ctrl-C in the terminal of that tether; tether stop is planned'
    case 'rm':
      return 'to remove a model, delete its folder, which tether --list --json shows; tether rm is planned'
    default:
      return undefined
  }
}
