import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type EventEmitter, errorMonitor } from 'node:events'
import { now, pause } from '../clock.ts'
import { type Origin, presentOrigin } from './blame.ts'

/** Milliseconds that a child process or worker may take to end after it was told to: much, for a busy machine takes long. */
const longest = 5_000

/** Node's message when one is started: https://nodejs.org/api/diagnostics_channel.html#built-in-channels */
type Started = { readonly process?: EventEmitter; readonly worker?: EventEmitter }

/**
 * Tracks the child processes and workers that a migration starts: their work is not part of the transaction, and is cut
 * off when this program ends.
 * @param grace milliseconds to wait for one that is about to end
 * @returns `refuse` throws Error if one is still running; `end` stops tracking
 */
export const watchLeftRunning = (origin: Origin, grace = longest) => {
  const running = new Map<EventEmitter, string>()
  const noteAs = (kind: string) => (message: unknown) => {
    const { process: child, worker } = message as Started
    const started = child ?? worker
    if (started === undefined || presentOrigin() !== origin) return
    running.set(started, kind)
    // errorMonitor sees an error without handling it: an unhandled one must still be thrown
    for (const event of ['exit', errorMonitor]) started.once(event, () => running.delete(started))
  }
  const channels = [
    ['child_process', noteAs('a child process')],
    ['worker_threads', noteAs('a worker')],
  ] as const
  for (const [name, note] of channels) subscribe(name, note)

  const refuse = async (): Promise<void> => {
    const deadline = now() + grace
    while (running.size > 0 && now() < deadline) await pause(10)
    for (const kind of running.values()) throw new Error(`it leaves ${kind} running (await its end)`)
  }

  const end = (): void => {
    for (const [name, note] of channels) unsubscribe(name, note)
  }

  return { refuse, end }
}
