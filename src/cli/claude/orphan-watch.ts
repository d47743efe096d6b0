/** Ends Claude Code and removes its settings should tether be killed in a way that leaves it no last word. */
import { spawn } from 'node:child_process'

/**
 * A shell that waits for its standard input to end. A line on it means that all is well; an end without one means that
 * tether is gone. It has a session of its own, so that nothing that the terminal sends can end it first.
 */
const script = `
trap '' HUP INT TERM QUIT
read -r _ && exit 0
kill -TERM "$1" 2>/dev/null
i=0
while [ $i -lt 50 ] && kill -0 "$1" 2>/dev/null; do sleep 0.1; i=$((i + 1)); done
kill -KILL "$1" 2>/dev/null
rm -rf -- "$2"
`

/** Returns the function that calls the watch off. */
export function watchForOrphan(pid: number, folder: string): () => void {
  const shell = spawn('/bin/sh', ['-c', script, 'tether-watch', String(pid), folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  // Without a shell there is no watch, and nothing else changes.
  const ignore = () => {}
  shell.on('error', ignore)
  shell.stdin.on('error', ignore)
  shell.unref()
  return () => void shell.stdin.end('done\n')
}
