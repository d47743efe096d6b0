/** Commands of ollama and the like that tether does not have: what to type instead. */
import { tetherCommand } from './tether-command.js'

/** Read as --list. */
export const listVerbs = ['ls', 'list']

/** -> what to say; undefined if the word is not such a command */
export function insteadOf(verb: string, model = 'NAME'): string | undefined {
  switch (verb) {
    case 'run':
      return `To run a model:\n  ${tetherCommand(['--model', model])}`
    case 'serve':
      return `To run only the server:\n  ${tetherCommand(['--serve-only'])}`
    case 'show':
      return `To see the facts of each model (tether show is planned):\n  ${tetherCommand(['--list', '--json'])}`
    case 'ps':
      return `To see which servers run (tether ps is planned), look at the line about the port:\n  ${tetherCommand(['doctor'])}`
    case 'stop':
      return "Press Ctrl-C in that tether's terminal (tether stop is planned)."
    case 'rm':
      return `To remove a model, delete its folder (tether rm is planned). To see the folders:\n  ${tetherCommand(['--list', '--json'])}`
    default:
      return undefined
  }
}
