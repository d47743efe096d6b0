/** `tether logs`: prints the log of a server, and with -f what comes. */
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { TetherError } from '../../errors.js'
import { escapeControls } from '../../one-line.js'
import type { Call } from '../args.js'
import type { ServerRecord } from '../serving/running-servers.js'
import { askReport } from '../sharing/lease.js'
import { namedServer } from '../sharing/named-server.js'
import { stillRuns } from '../sharing/process-birth.js'
import { silentText } from '../sharing/silent-server.js'
import { say } from '../terminal/say.js'
import { endLine, watchSignals } from '../terminal/signals.js'

const pollMs = 250
const pieceBytes = 65_536

/** -> the exit status. Throws `no_server` where none is meant, or where its log is in its own terminal. */
export async function runLogs({ words, flags }: Call): Promise<number> {
  const record = namedServer(words[0], 'logs')
  const report = await askReport(record)
  if (!report) throw new TetherError('no_server', silentText(record))
  const path = report.log
  if (path === undefined) {
    throw new TetherError('no_server', `process ${record.pid} logs to its own terminal, not to a file (--log-file)`)
  }
  const left = readerLeft()
  const reader = logReader(path, (text) => process.stdout.write(escapeControls(text)))
  reader.read()
  if (flags.follow) await follow(reader, { record, left })
  else if (!reader.hasRead()) say(`nothing was logged yet to ${path}`)
  reader.close()
  return 0
}

/** Once nobody reads what is printed, as after head has its lines. */
function readerLeft(): Promise<true> {
  return new Promise((resolve) => {
    process.stdout.on('error', () => resolve(true))
  })
}

interface Followed {
  record: ServerRecord
  left: Promise<true>
}

/** Until Ctrl-C, until nobody reads it, or until the server is gone and all that it logged is printed. */
async function follow(reader: LogReader, { record, left }: Followed): Promise<void> {
  const signals = watchSignals()
  try {
    const asked = signals.came.then((signal) => {
      endLine(signal)
      return true
    })
    const stop = Promise.race([asked, left])
    for (let isLast = false; !isLast; ) {
      isLast = !stillRuns(record)
      if (await Promise.race([stop, sleep(pollMs, false)])) return
      reader.read()
    }
  } finally {
    signals.end()
  }
}

interface LogReader {
  /** Prints what has come since. */
  read(): void
  hasRead(): boolean
  close(): void
}

/** It goes on with the file that is there where the one before was moved away. A file that is not there yet is empty. */
function logReader(path: string, print: (text: string) => void): LogReader {
  let file: number | undefined
  let hasRead = false
  const piece = Buffer.alloc(pieceBytes)
  const decoder = new TextDecoder()
  const drain = () => {
    for (;;) {
      const length = file === undefined ? 0 : readSync(file, piece, 0, piece.length, null)
      if (length === 0) return
      hasRead = true
      print(decoder.decode(piece.subarray(0, length), { stream: true }))
    }
  }
  const close = () => {
    if (file !== undefined) closeSync(file)
    file = undefined
  }
  return {
    read() {
      drain()
      const there = statSync(path, { throwIfNoEntry: false })
      if (!there?.isFile() || (file !== undefined && fstatSync(file).ino === there.ino)) return
      close()
      file = openSync(path, 'r')
      drain()
    },
    hasRead: () => hasRead,
    close,
  }
}
