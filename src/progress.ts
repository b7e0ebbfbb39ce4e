import type { Log } from './log.ts'
import { formatBytes } from './text-table.ts'

/** Milliseconds between two signs of life: on a terminal, and in a log. */
const pace = { terminal: 100, log: 5000 }

/**
 * Shows how far long work is: on a terminal a bar that is drawn over itself, elsewhere a log line every few seconds, none
 * for work that takes less.
 * @param unit of what is counted
 * @param now milliseconds, from any beginning
 * @returns what to call as often as you like, with how much is done and how much there is
 */
export const createProgress = (log: Log, unit: keyof typeof units, now: () => number = () => performance.now()) => {
  let work: string | undefined
  let start = now()
  let shown = start
  return (what: string, done: number, total: number): void => {
    const time = now()
    // the first one began when this was made
    if (work !== undefined && what !== work) [start, shown] = [time, time]
    work = what
    const isDone = done >= total
    if (log.terminal && isDone) log.draw('')
    if (isDone || time - shown < (log.terminal ? pace.terminal : pace.log)) return
    shown = time
    const perSecond = Math.round((done * 1000) / (time - start))
    const percent = Math.floor((done * 100) / total)
    const { format, name } = units[unit]
    const far = `${percent} %, ${format(done)} of ${format(total)}${name}, ${format(perSecond)}${name}/s`
    if (log.terminal) log.draw(`${what} [${bar(done / total)}] ${far}`)
    else log.info('progress', `${what}: ${far}`, { what, done, total, [`${unit}PerSecond`]: perSecond })
  }
}

const units = {
  rows: { format: (count: number): string => count.toLocaleString('en'), name: ' rows' },
  bytes: { format: formatBytes, name: '' },
}

const width = 20
const bar = (share: number): string => '#'.repeat(Math.floor(share * width)).padEnd(width, '-')
