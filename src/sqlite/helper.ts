import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { attempt, Failure, type FailureCode } from '../failure.ts'
import { createProgress } from '../text.ts'
import { meanings } from '../volume/errors.ts'
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
  /** seconds that it may do nothing at all; ten times that while it waits for a disk, which may flush for minutes */
  idleLimit: number
  /** told what could not be checked in a database, and why */
  onUnchecked: (path: string, unchecked: readonly string[]) => void
}>

/** How this run starts a helper process, and shows how far that is. */
export const helperOf = ({ command, log, signal }: Surroundings): Helper => ({
  command,
  signal,
  onProgress: createProgress(log, 'bytes'),
  onUnchecked: (file, unchecked) =>
    log.warn('check.incomplete', `in ${file} this cannot be checked here: ${unchecked.join('; ')}`, {
      file,
      unchecked,
    }),
  idleLimit: 60,
})

/** What a helper prints: what its work gave, or the error that ended it. */
export type HelperAnswer = Readonly<{ value: unknown } | { error: HelperError }>

/** An error, as far as it goes through JSON. `hint` is that of a Failure. */
export type HelperError = Readonly<{ message: string; code?: unknown; errno?: unknown; path?: unknown; hint?: unknown }>

/** Milliseconds between two looks at how far it is. */
const pace = 100

/** Milliseconds that a helper has to end once it was killed: one that waits for a disk that is gone does not. */
const grace = 2000

/**
 * @param words of the hidden command `internal` (src/commands/internal.ts)
 * @param onTick called now and then with the bytes that the helper has read so far, where the kernel tells (Linux)
 * @returns what the work gave
 * @throws the error that ended it, with the `code` that SQLite or the kernel gave it; the signal's reason; Failure CONFIG_INVALID
 *   when the helper cannot start or is killed, DISK_FULL when it hangs
 */
export const runHelper = async (
  { command, signal, idleLimit }: Helper,
  words: readonly string[],
  onTick: (bytesRead: number) => void,
): Promise<unknown> => {
  signal.throwIfAborted()
  const child = await start(command, words)
  const stopped = Promise.withResolvers<never>()
  const stop = async (reason: unknown): Promise<void> => {
    child.kill('SIGKILL')
    // not waited for any longer than that
    await setTimeout(grace, undefined, { ref: false })
    stopped.reject(reason)
  }
  const onAbort = () => void stop(signal.reason)
  signal.addEventListener('abort', onAbort)
  const isIdle = createIdleWatch(child.pid, idleLimit)
  let hang: Failure | undefined
  const timer = setInterval(() => {
    onTick(bytesReadBy(child.pid))
    if (hang !== undefined || !isIdle()) return
    hang = hung(words, idleLimit)
    void stop(hang)
  }, pace)
  try {
    const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    const [printed, complaint] = await Promise.race([ended, stopped.promise])
    // Ctrl-C reaches both processes, and the other one may die of it before this one hears it
    if (printed === '') await setTimeout(pace)
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
    const child = spawn(node, [script, 'internal', ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
    await once(child, 'spawn')
    return child
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Failure('CONFIG_INVALID', `the helper process cannot be started: ${reason}`, meanings.limits.hint, cause)
  }
}

const toError = ({ message, code, errno, path, hint }: HelperError): Error =>
  typeof hint === 'string'
    ? new Failure(code as FailureCode, message, hint)
    : Object.assign(new Error(message), { code, ...(errno === undefined ? {} : { errno, path }) })

const died = ([job]: readonly string[], how: unknown, complaint: string): Failure => {
  const message = `the helper process (${job}) ended with ${how}${complaint === '' ? '' : `: ${complaint.trim()}`}`
  // what a mapped file has on a disk that fails
  const { code, hint } = how === 'SIGBUS' ? meanings.failing : meanings.limits
  return new Failure(code, message, hint)
}

const hung = ([job]: readonly string[], idleLimit: number): Failure =>
  new Failure(
    meanings.failing.code,
    `the helper process (${job}) did nothing for ${idleLimit} s or more`,
    'The disk may not answer any more: see the kernel log (dmesg). Start again.',
  )

/** Whether a process has done nothing for so many seconds; never so where the kernel does not tell what it does. */
const createIdleWatch = (pid: number | undefined, idleLimit: number): (() => boolean) => {
  let last: string | undefined
  let since = performance.now()
  return () => {
    const { work, patience } = lifeOf(`/proc/${pid}`)
    if (work === undefined || work !== last) since = performance.now()
    last = work
    return performance.now() - since > patience * idleLimit * 1000
  }
}

/**
 * What a process does, by its folder in /proc (proc(5)).
 * @returns `work` changes with each byte that it reads or writes and each tick of the CPU, undefined where that is not told;
 *   `patience` is how many times longer than others it may do nothing, since it waits for a disk
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
    meanings.unsuitable.hint,
  )
}
