/** Ends an agent and removes its private folder if tether is killed and cannot do so itself. */
import { spawn } from 'node:child_process'

/**
 * A shell that waits on its standard input. A line means that tether ends normally; the end of the input without a line
 * means that tether was killed. It runs in its own session, so that signals of the terminal do not reach it.
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

/** -> ends the watch */
export function watchForOrphan(pid: number, folder: string): () => void {
  const shell = spawn('/bin/sh', ['-c', script, 'tether-watch', String(pid), folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  // Without a shell there is no watch; everything else works.
  const ignore = () => {}
  shell.on('error', ignore)
  shell.stdin.on('error', ignore)
  shell.unref()
  return () => void shell.stdin.end('done\n')
}
