// Whether a command line of tether needs the addon: building it takes minutes, and a question about tether should not wait.

/** Those that load no model. */
const commands = [
  'help',
  'completion',
  'pull',
  'config',
  'env',
  'cache',
  'ps',
  'stop',
  'logs',
  'recommend',
  'show',
  'rm',
  'service',
  'list',
  'ls',
  'models',
  '__complete',
]
const flags = ['--help', '-h', '--version', '-v', '--list']

export function needsAddon(args) {
  const own = args.includes('--') ? args.slice(0, args.indexOf('--')) : args
  return !commands.includes(own[0]) && !own.some((arg) => flags.includes(arg))
}
