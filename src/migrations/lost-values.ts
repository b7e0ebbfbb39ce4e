import { formatThings } from '../for-people.ts'
import type { Values } from './count-values.ts'
import { type Fate, fatesOf } from './fates.ts'
import type { Recording } from './recorder.ts'

/** Rows or values that a migration took away or changed. */
export type Lost = Readonly<{
  /** a table, a column (`servers.room`), or `statements` */
  of: string
  /** how many are gone or changed */
  number: number
  /** a sentence */
  text: string
}>

/**
 * Where columns have fewer values than before, and not only because their rows went.
 * @param goneFrom how many rows are known to have gone from a table
 */
export const lostValues = (
  recording: Recording,
  before: readonly Values[],
  after: readonly Values[],
  goneFrom: (fate: Fate) => number,
): readonly Lost[] =>
  fatesOf(recording).flatMap(fate => {
    const { old, now, columns } = fate
    return before
      .filter(({ table }) => table === old.name)
      .flatMap(({ column, number: had }) => {
        // of a table that went nothing is left, though another one may have its name
        const isIt = (other: Values) => other.table === now?.name && other.column === columns.get(column)
        const left = after.find(isIt)?.number ?? 0
        if (had - left <= goneFrom(fate)) return []
        const of = `${old.name}.${column}`
        return [{ of, number: had - left, text: `${of} had ${formatThings(had, 'value')} and has ${left} after it` }]
      })
  })
