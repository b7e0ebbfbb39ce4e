import type { Log } from './log.ts'

/** Milliseconds between two signs of life: on a terminal, and in a log. */
const pace = { terminal: 100, log: 5000 }

/**
 * Shows how far long work is: on a terminal a bar that is drawn over itself, elsewhere a log line every few seconds, none
 * for work that takes less.
 * @param now milliseconds, from any beginning
 * @returns what to call as often as you like, with the number of rows that are done and of all
 */
export const createProgress = (log: Log, now: () => number = () => performance.now()) => {
  const start = now()
  let shown = start
  return (what: string, done: number, total: number): void => {
    const time = now()
    const isDone = done >= total
    if (log.terminal && isDone) log.draw('')
    if (isDone || time - shown < (log.terminal ? pace.terminal : pace.log)) return
    shown = time
    const rowsPerSecond = Math.round((done * 1000) / (time - start))
    const percent = Math.floor((done * 100) / total)
    const far = `${percent} %, ${grouped(done)} of ${grouped(total)} rows, ${grouped(rowsPerSecond)} rows/s`
    if (log.terminal) log.draw(`${what} [${bar(done / total)}] ${far}`)
    else log.info('progress', `${what}: ${far}`, { what, done, total, rowsPerSecond })
  }
}

const grouped = (count: number): string => count.toLocaleString('en')

const width = 20
const bar = (share: number): string => '#'.repeat(Math.floor(share * width)).padEnd(width, '-')
