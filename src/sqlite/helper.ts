import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { attempt, Failure } from '../failure.ts'
import { createProgress } from '../text.ts'
import { hints } from '../volume/errors.ts'
import { isBusy } from './errors.ts'
import type { Surroundings } from './sqlite.ts'

/**
 * A second process of this program, for work on a whole file and for trying locks out. A signal ends it at once, where SQLite
 * would not listen; the kernel tells how far it is; and this process keeps its locks: by POSIX a process that closes a file
 * anywhere loses all its locks on it (fcntl(2)), so the database file must not be opened here besides by SQLite.
 */
export type Helper = Readonly<{
  /** what starts this program: Node, and its first file */
  command: readonly [string, string]
  /** kills the helper; its reason is thrown */
  signal: AbortSignal
  /** told every tenth of a second what is done, and how many bytes of how many */
  onProgress: (what: string, done: number, total: number) => void
}>

/** How this run starts a helper process, and shows how far that is. */
export const helperOf = ({ command, log, signal }: Surroundings): Helper => ({
  command,
  signal,
  onProgress: createProgress(log, 'bytes'),
})

/** What a helper prints: what its work gave, or the error that ended it. */
export type HelperAnswer = Readonly<{ value: unknown } | { error: Readonly<{ code: unknown; message: string }> }>

/** Milliseconds between two looks at how far it is. */
const pace = 100

/**
 * @param words of the hidden command `internal` (src/commands/internal.ts)
 * @param onTick called now and then with the bytes that the helper has read so far, where the kernel tells (Linux)
 * @returns what the work gave
 * @throws the error that ended it, with the `code` that SQLite or the kernel gave it; the signal's reason
 */
export const runHelper = async (
  { command: [node, script], signal }: Helper,
  words: readonly string[],
  onTick: (bytesRead: number) => void,
): Promise<unknown> => {
  signal.throwIfAborted()
  const child = spawn(node, [script, 'internal', ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
  const kill = () => child.kill('SIGKILL')
  signal.addEventListener('abort', kill)
  const timer = setInterval(() => onTick(bytesReadBy(child.pid)), pace)
  try {
    const [printed, complaint] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    // Ctrl-C reaches both processes, and the other one may die of it before this one hears it
    if (printed === '') await setTimeout(pace)
    signal.throwIfAborted()
    if (printed === '')
      throw new Error(`the helper process ended with ${child.signalCode ?? child.exitCode}: ${complaint}`)
    const answer: HelperAnswer = JSON.parse(printed)
    if ('value' in answer) return answer.value
    throw Object.assign(new Error(answer.error.message), { code: answer.error.code })
  } finally {
    clearInterval(timer)
    signal.removeEventListener('abort', kill)
  }
}

/** All that a process asked of the kernel, from the page cache too: rchar of proc(5). 0 where that is not told. */
export const bytesReadBy = (pid: number | undefined): number => {
  const io = attempt(() => readFileSync(`/proc/${pid}/io`, 'utf8'))
  return 'value' in io ? Number(io.value.replace(/^rchar: (\d+)[\s\S]*$/, '$1')) : 0
}

/** Tries to take the write lock of a database, and gives it back at once. @throws SQLite's errors, other than that it is taken */
export const tryLock = (path: string): 'taken' | 'free' => {
  const connection = new Database(path, { fileMustExist: true, timeout: 0 })
  const outcome = attempt(() => connection.exec('BEGIN IMMEDIATE'))
  connection.close()
  if ('error' in outcome && !isBusy(outcome.error)) throw outcome.error
  return 'error' in outcome ? 'taken' : 'free'
}

/**
 * For a filesystem whose locks may be for show: another process must not get the write lock that this one holds.
 * @throws Failure FILESYSTEM_UNSUITABLE when it does
 */
export const refuseFalseLocks = async (path: string, filesystem: string, helper: Helper): Promise<void> => {
  if ((await runHelper(helper, ['lock', path], () => undefined)) === 'taken') return
  throw new Failure(
    'FILESYSTEM_UNSUITABLE',
    `locks do not hold on ${filesystem} under ${path}: two processes got the write lock at once`,
    hints.FILESYSTEM_UNSUITABLE,
  )
}
