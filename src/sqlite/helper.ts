import type { ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import Database from 'better-sqlite3'
import { now, pause } from '../clock.ts'
import { attempt, Failure, type FailureCode, reasonOf } from '../failure.ts'
import { readdirSync, readFileSync } from '../fs.ts'
import { createProgress } from '../text.ts'
import { meanings } from '../volume/errors.ts'
import { isBusy } from './errors.ts'
import type { Surroundings } from './sqlite.ts'

/**
 * A second process of this program, for work on a whole file and for testing locks. A signal kills it at once, where SQLite
 * would not react; /proc shows its progress; and this process keeps its locks: under POSIX, closing any descriptor of a file
 * drops all locks of the process on it (fcntl(2)), so only SQLite may open the database file here.
 */
export type Helper = Readonly<{
  /** its command line: Node and the main script */
  command: readonly [string, string]
  /** kills the helper; its reason is thrown */
  signal: AbortSignal
  /** called every 100 ms with the step, and the bytes done and in total */
  onProgress: (what: string, done: number, total: number) => void
  /** seconds it may do nothing at all; ten times that while it waits for a disk, which may flush for minutes */
  idleLimit: number
  /** called with what could not be checked in a database, and why */
  onUnchecked: (path: string, unchecked: readonly string[]) => void
}>

/** How this run starts helper processes and logs their progress. */
export const helperOf = ({ command, log, signal }: Surroundings): Helper => ({
  command,
  signal,
  onProgress: createProgress(log, 'bytes'),
  onUnchecked: (file, unchecked) =>
    log.warn('check.incomplete', `cannot check everything in ${file} here: ${unchecked.join('; ')}`, {
      file,
      unchecked,
    }),
  idleLimit: 60,
})

/** What a helper prints: the result of its work, or the error that ended it. */
export type HelperAnswer = Readonly<{ value: unknown } | { error: HelperError }>

/** An error as JSON. Only a Failure has a `hint`. */
export type HelperError = Readonly<{ message: string; code?: unknown; errno?: unknown; path?: unknown; hint?: unknown }>

/** Milliseconds between two progress checks. */
const pace = 100

/** Milliseconds to wait for a killed helper to end: one that is stuck on a lost disk never does. */
const grace = 2000

/**
 * Runs a job in a helper process.
 * @param words arguments of the hidden command `internal` (src/commands/internal.ts)
 * @param onTick called every 100 ms with the bytes that the helper has read so far; 0 where the kernel does not tell (not Linux)
 * @returns the result of the job
 * @throws the job's error, with the `code` of SQLite or the kernel; the signal's reason; Failure CONFIG_INVALID if the helper
 *   cannot start or is killed, DISK_FULL if it hangs
 */
export const runHelper = async (
  { command, signal, idleLimit }: Helper,
  words: readonly string[],
  onTick: (bytesRead: number) => void,
): Promise<unknown> => {
  signal.throwIfAborted()
  const child = await start(command, words)
  const stopped = Promise.withResolvers<never>()
  const stop = (reason: unknown): void => {
    child.kill('SIGKILL')
    // give up waiting after that
    setTimeout(() => stopped.reject(reason), grace).unref()
  }
  const onAbort = () => stop(signal.reason)
  signal.addEventListener('abort', onAbort)
  const isIdle = createIdleWatch(child.pid, idleLimit)
  let hang: Failure | undefined
  const timer = setInterval(() => {
    onTick(bytesReadBy(child.pid))
    if (hang !== undefined || !isIdle()) return
    hang = hung(words, idleLimit)
    stop(hang)
  }, pace)
  try {
    const { text } = process.getBuiltinModule('node:stream/consumers')
    const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    const [printed, complaint] = await Promise.race([ended, stopped.promise])
    // Ctrl-C reaches both processes, and the helper may die of it before this one receives it
    if (printed === '') await pause(pace)
    signal.throwIfAborted()
    if (hang !== undefined) throw hang
    const answer = attempt((): HelperAnswer => JSON.parse(printed))
    if ('error' in answer) throw died(words, child.signalCode ?? child.exitCode, complaint)
    if ('value' in answer.value) return answer.value.value
    throw toError(answer.value.error)
  } finally {
    clearInterval(timer)
    signal.removeEventListener('abort', onAbort)
    for (const stream of [child.stdout, child.stderr]) stream.destroy()
    child.unref()
  }
}

const start = async (
  [node, script]: Helper['command'],
  words: readonly string[],
): Promise<ChildProcessByStdio<null, Readable, Readable>> => {
  try {
    // loaded for a helper alone: most runs have none, and it brings all of Node's network
    const { spawn } = process.getBuiltinModule('node:child_process')
    const child = spawn(node, [script, 'internal', ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
    await once(child, 'spawn')
    return child
  } catch (cause) {
    throw new Failure(
      'CONFIG_INVALID',
      `the helper process cannot be started: ${reasonOf(cause)}`,
      meanings.limits.hint,
      cause,
    )
  }
}

const toError = ({ message, code, errno, path, hint }: HelperError): Error =>
  typeof hint === 'string'
    ? new Failure(code as FailureCode, message, hint)
    : Object.assign(new Error(message), { code, ...(errno === undefined ? {} : { errno, path }) })

const died = ([job]: readonly string[], how: unknown, complaint: string): Failure => {
  const message = `the helper process (${job}) ended with ${how}${complaint === '' ? '' : `: ${complaint.trim()}`}`
  // reading a mapped file from a failing disk
  const { code, hint } = how === 'SIGBUS' ? meanings.failing : meanings.limits
  return new Failure(code, message, hint)
}

const hung = ([job]: readonly string[], idleLimit: number): Failure =>
  new Failure(
    meanings.failing.code,
    `the helper process (${job}) did nothing for at least ${idleLimit} s`,
    'The disk may no longer respond: see the kernel log (`dmesg`). Then try again.',
  )

/** Whether a process has done nothing for `idleLimit` seconds; always false where the kernel does not tell. */
const createIdleWatch = (pid: number | undefined, idleLimit: number): (() => boolean) => {
  let last: string | undefined
  let since = now()
  return () => {
    const { work, patience } = lifeOf(`/proc/${pid}`)
    if (work === undefined || work !== last) since = now()
    last = work
    return now() - since > patience * idleLimit * 1000
  }
}

/**
 * What a process does, by its folder in /proc (proc(5)).
 * @returns `work` changes with each byte read or written and each CPU tick; undefined where the kernel does not tell.
 *   `patience` multiplies its idle limit: 10 while a thread waits for a disk, else 1
 */
export const lifeOf = (folder: string): Readonly<{ work: string | undefined; patience: number }> => {
  const read = attempt(() => ({
    io: readFileSync(`${folder}/io`, 'utf8'),
    // state, utime and stime are the 1st, 12th and 13th after the name in parentheses
    threads: readdirSync(`${folder}/task`).map(thread =>
      readFileSync(`${folder}/task/${thread}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' '),
    ),
  }))
  if ('error' in read) return { work: undefined, patience: 1 }
  const { io, threads } = read.value
  const ticks = threads.map(fields => `${fields[11]} ${fields[12]}`)
  return { work: [io, ...ticks].join(), patience: threads.some(([state]) => state === 'D') ? 10 : 1 }
}

/** Bytes that a process has read, including from the page cache: rchar of proc(5). 0 where the kernel does not tell. */
export const bytesReadBy = (pid: number | undefined): number => {
  const io = attempt(() => readFileSync(`/proc/${pid}/io`, 'utf8'))
  return 'value' in io ? Number(io.value.replace(/^rchar: (\d+)[\s\S]*$/, '$1')) : 0
}

/** Tries to take the write lock of a database, and releases it at once. @throws SQLite's errors, except busy */
export const tryLock = (path: string): 'taken' | 'free' => {
  const connection = new Database(path, { fileMustExist: true, timeout: 0 })
  const outcome = attempt(() => connection.exec('BEGIN IMMEDIATE'))
  connection.close()
  if ('error' in outcome && !isBusy(outcome.error)) throw outcome.error
  return 'error' in outcome ? 'taken' : 'free'
}

/**
 * For a filesystem where locks may not work: another process must not get the write lock that this one holds.
 * @throws Failure FILESYSTEM_UNSUITABLE if it does
 */
export const refuseFalseLocks = async (path: string, filesystem: string, helper: Helper): Promise<void> => {
  if ((await runHelper(helper, ['lock', path], () => undefined)) === 'taken') return
  throw new Failure(
    'FILESYSTEM_UNSUITABLE',
    `locks do not hold on ${filesystem} under ${path}: two processes got the write lock at once`,
    meanings.unsuitable.hint,
  )
}
