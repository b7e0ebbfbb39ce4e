import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type EventEmitter, errorMonitor } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { presentOrigin } from './blame.ts'

/** Milliseconds that one which was told to end may take for it. */
const grace = 250

/** What Node tells when one is started: https://nodejs.org/api/diagnostics_channel.html#built-in-channels */
type Started = { readonly process?: EventEmitter; readonly worker?: EventEmitter }

/**
 * Notes the child processes and workers that migrations start: what they do is no part of the transaction, and they would be cut off in
 * it when this program ends.
 * @returns `refuse` throws Error where one is still running; `end` stops noting
 */
export const watchLeftRunning = () => {
  const running = new Map<EventEmitter, string>()
  const noteAs = (kind: string) => (message: unknown) => {
    const { process: child, worker } = message as Started
    const started = child ?? worker
    if (started === undefined || presentOrigin()?.does !== 'run') return
    running.set(started, kind)
    // hears an error without being its listener: one that nobody listens to is thrown
    for (const event of ['exit', errorMonitor]) started.once(event, () => running.delete(started))
  }
  const channels = [
    ['child_process', noteAs('a child process')],
    ['worker_threads', noteAs('a worker')],
  ] as const
  for (const [name, note] of channels) subscribe(name, note)

  const refuse = async (): Promise<void> => {
    const deadline = performance.now() + grace
    while (running.size > 0 && performance.now() < deadline) await setTimeout(10)
    for (const kind of running.values()) throw new Error(`it leaves ${kind} running (await its end)`)
  }

  const end = (): void => {
    for (const [name, note] of channels) unsubscribe(name, note)
  }

  return { refuse, end }
}
