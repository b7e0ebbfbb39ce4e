/** What copies say and refuse, whichever way they go. */
import { Failure } from '../failure.ts'
import type { Log } from '../log.ts'
import { createProgress, formatThings, listed } from '../text.ts'
import { createCollector } from './collect.ts'
import type { Refused } from './sieve.ts'

/** Starts a piece of work on many rows; each call of what it returns tells of more of them. */
export type Meter = (what: string, total: number) => (rows: number) => void

export const createMeter = (log: Log): Meter => {
  const report = createProgress(log, 'rows')
  const collect = createCollector()
  return (what, total) => {
    let done = 0
    return rows => {
      done += rows
      collect(rows)
      report(what, done, total)
    }
  }
}

/**
 * @param count how many values are refused: `refused` has the first ones
 * @param from and to name the databases
 * @throws Failure VALUES_REFUSED naming table, row and column, unless there are none
 */
export const refuseValues = (refused: readonly Refused[], count: number, from: string, to: string): void => {
  if (refused.length === 0) return
  const first = refused
    .slice(0, 5)
    .map(({ table, row, column, reason }) => `${table}, ${row}, column ${column}: ${reason}`)
  const more = count > first.length ? [`and ${formatThings(count - first.length, 'other')}`] : []
  throw new Failure(
    'VALUES_REFUSED',
    `${to} cannot hold ${formatThings(count, 'value')} of ${from}: ${[...first, ...more].join('; ')}`,
    'Fix them there, then copy again. No row was written.',
  )
}

/** Tells which tables of other tools stay behind. */
export const sayLeft = (log: Log, left: readonly Readonly<{ name: string }>[]): void => {
  if (left.length === 0) return
  const tables = left.map(({ name }) => name)
  log.info(
    'copy.left',
    `not copied, because no migration makes them: ${listed(tables)}; --tables NAME,NAME copies them too`,
    {
      tables,
    },
  )
}

/** @throws Failure DATABASES_DIFFER for the first difference of each table, unless there are none */
export const refuseDifferences = (differences: readonly string[], hint: string): void => {
  if (differences.length === 0) return
  throw new Failure('DATABASES_DIFFER', `the databases differ: ${listed(differences, '; ')}`, hint)
}

const changes = {
  undone: ['during the copy, and everything was rolled back', 'Stop the hub, then copy again.'],
  kept: ['after the copy, which lacks the change', 'Stop the hub, remove the copy, and copy again.'],
  compared: ['while it was compared', 'Stop the hub, then compare again.'],
} as const

/** The source was written to. @param state what became of the work */
export const sourceChanged = (source: string, state: keyof typeof changes): Failure => {
  const [when, hint] = changes[state]
  return new Failure('SOURCE_CHANGED', `${source} changed ${when}`, hint)
}
