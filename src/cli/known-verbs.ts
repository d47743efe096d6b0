/** Commands of ollama and the like that tether does not have: what to type instead. */
import { agentNames } from './agents/agent-names.js'
import { tetherCommand } from './tether-command.js'

/** Read as --list. */
export const listVerbs = ['ls', 'list', 'models']

/** Other words for a verb that has an answer. */
const synonyms: Record<string, string> = {
  start: 'run',
  chat: 'run',
  claude: 'run',
  code: 'run',
  server: 'serve',
  info: 'show',
  inspect: 'show',
  status: 'ps',
  kill: 'stop',
  remove: 'rm',
  delete: 'rm',
  download: 'pull',
  get: 'pull',
  find: 'search',
  log: 'logs',
}

/** -> what to say; undefined if the word is not such a command */
export function insteadOf(verb: string, model = 'NAME'): string | undefined {
  if (verb !== 'claude' && (agentNames as readonly string[]).includes(verb))
    return `To run ${verb} on a model:\n  ${tetherCommand(['launch', verb, '--model', model])}`
  switch (Object.hasOwn(synonyms, verb) ? synonyms[verb] : verb) {
    case 'run':
      return `To run Claude Code on a model:\n  ${tetherCommand(['--model', model])}`
    case 'show':
      return `To see what a model is:\n  ${tetherCommand(['show', model])}`
    case 'serve':
      return `To run only the server:\n  ${tetherCommand(['serve'])}`
    case 'ps':
      return `To see which servers run:\n  ${tetherCommand(['ps'])}`
    case 'stop':
      return `To stop a server:\n  ${tetherCommand(['stop'])}`
    case 'rm':
      return `To delete a model:\n  ${tetherCommand(['rm', model])}`
    case 'pull':
      return `To download a model:\n  ${tetherCommand(['pull', model === 'NAME' ? 'ORG/NAME' : model])}`
    case 'search':
      return `Look for a model on https://huggingface.co/mlx-community, then download it:\n  ${tetherCommand(['pull', 'ORG/NAME'])}`
    case 'version':
      return `To print the version:\n  ${tetherCommand(['--version'])}`
    case 'logs':
      return `To print the log of a server:\n  ${tetherCommand(['logs'])}`
    default:
      return undefined
  }
}

/** What `tether help` says about such a word; undefined for any other. */
export function helpOnVerb(verb: string): string | undefined {
  if (listVerbs.includes(verb)) return `tether ${verb} is the same as\n  ${tetherCommand(['--list'])}`
  const instead = insteadOf(verb)
  return instead && `There is no command ${verb}. ${instead}`
}
