import { formatBytes, formatCount } from './for-people.ts'
import type { Log } from './log.ts'

/** Milliseconds between two signs of life: on a terminal, and in a log. */
const pace = { terminal: 100, log: 5000 }

export type Unit = 'rows' | 'bytes'

/**
 * Shows how far long work is: on a terminal a bar that is drawn over itself, elsewhere a log line every few seconds, none
 * for work that takes less. One piece of work after the other: each begins when the one before is done.
 * @param now milliseconds, from any beginning
 * @returns what to call as often as you like: with what is worked on, and how much of it is done and of all
 */
export const createProgress = (log: Log, unit: Unit, now: () => number = () => performance.now()) => {
  let start = now()
  let shown = start
  return (what: string, done: number, total: number): void => {
    const time = now()
    if (done >= total) {
      if (log.terminal) log.draw('')
      start = time
      shown = time
      return
    }
    if (time - shown < (log.terminal ? pace.terminal : pace.log)) return
    shown = time
    const perSecond = Math.round((done * 1000) / (time - start))
    const far = `${Math.floor((done * 100) / total)} %, ${tellers[unit](done, total, perSecond)}`
    if (log.terminal) log.draw(`${what} [${bar(done / total)}] ${far}`)
    else log.info('progress', `${what}: ${far}`, { what, unit, done, total, perSecond })
  }
}

const tellers: Readonly<Record<Unit, (done: number, total: number, perSecond: number) => string>> = {
  rows: (done, total, perSecond) =>
    `${formatCount(done)} of ${formatCount(total)} rows, ${formatCount(perSecond)} rows/s`,
  bytes: (done, total, perSecond) => `${formatBytes(done)} of ${formatBytes(total)}, ${formatBytes(perSecond)}/s`,
}

const width = 20
const bar = (share: number): string => '#'.repeat(Math.floor(share * width)).padEnd(width, '-')
