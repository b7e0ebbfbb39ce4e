import type { Fate } from '../fates.ts'
import { type Recording, type Step, withoutUndone } from '../recorder.ts'
import { changeOf } from './change.ts'
import { type Finding, finding } from './finding.ts'
import { findPick } from './not-copied.ts'

/** HM203: tables that were there before, and of which an `up` deletes rows without saying so. */
export const findDeletes = (
  fates: readonly Fate[],
  steps: readonly Step[],
  removesRows: readonly string[],
): readonly Finding[] =>
  fates.flatMap(fate => {
    if (fate.now === undefined || removesRows.includes(fate.old.name)) return []
    const step = steps.find(({ sql }) => {
      const change = changeOf(sql)
      return change?.verb === 'DELETE' && isOf(fate, change.table)
    })
    if (step !== undefined) return finding('HM203', `deletes rows of ${fate.old.name}`, step)
    const pick = findPick(fate)
    return pick === undefined ? [] : finding('HM203', `does not copy all rows of ${fate.old.name}`, pick)
  })

/**
 * HM401: rows that a `down` deletes, and values that it makes NULL, of what was there before `up`. What `up` itself wrote into a
 * table may be taken back, where it is said which rows that is.
 */
export const findEmptied = (
  upFates: readonly Fate[],
  up: Recording,
  fates: readonly Fate[],
  steps: readonly Step[],
): readonly Finding[] =>
  fates.flatMap(fate => {
    const origin = upFates.find(({ now }) => now?.name === fate.old.name)
    if (origin === undefined || fate.now === undefined) return []
    const isOfUp = withoutUndone(up.steps).some(({ sql }) => {
      const change = changeOf(sql)
      return change !== undefined && change.verb !== 'DELETE' && isOf(origin, change.table)
    })
    return steps.flatMap(step => {
      const change = changeOf(step.sql)
      if (change === undefined || !isOf(fate, change.table) || (change.picks && isOfUp)) return []
      if (change.verb === 'DELETE') {
        return finding('HM401', `deletes rows of ${change.table}, which may be from before up`, step)
      }
      return change.verb === 'INSERT'
        ? []
        : change.sets
            .filter(
              ({ column, expression }) => /^NULL$/i.test(expression) && [...origin.columns.values()].includes(column),
            )
            .map(({ column }) =>
              finding('HM401', `makes ${change.table}.${column} NULL, which has values from before up`, step),
            )
    })
  })

/** Whether a name is the table's, at the begin or at the end. */
const isOf = ({ old, now }: Fate, table: string): boolean => table === old.name || table === now?.name
