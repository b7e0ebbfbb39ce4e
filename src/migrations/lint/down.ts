import { compareStructures } from '../../database/compare-structures.ts'
import type { Finding as Difference } from '../../database/finding.ts'
import { without } from '../../database/structure.ts'
import { type Fate, fatesOf } from '../fates.ts'
import { afterOf, type Recording, withoutUndone } from '../recorder.ts'
import { findEmptied } from './emptied.ts'
import { type Finding, finding } from './finding.ts'

/** How many differences a finding quotes. */
const quoted = 3

/** HM401, HM402: what `down`, run right after `up`, takes with it, and what it leaves other than it was before. */
export const findDown = (up: Recording, down: Recording): readonly Finding[] => {
  const upFates = fatesOf(up)
  const fates = fatesOf(down)
  const lost = [
    ...fates.flatMap(fate => findLost(fate, upFates, up)),
    ...findEmptied(upFates, up, fates, withoutUndone(down.steps)),
  ]
  if (lost.length > 0) return lost
  const left = compareStructures(up.before, afterOf(down), { adopted: false }).map(describe)
  if (left.length === 0) return []
  const more = left.length > quoted ? `, and ${left.length - quoted} more` : ''
  const list = left.slice(0, quoted).join(', ')
  return [finding('HM402', `leaves another structure than before up: ${list}${more}`, undefined)]
}

/** `table c is extra`, `trigger t has another definition`. */
const describe = ({ object, what }: Difference): string =>
  /^(?:missing|extra)$/.test(what) ? `${object} is ${what}` : `${object} has another ${what}`

/** What `up` made goes with `down`, as it should, unless rows were moved there out of a table that `up` dropped. */
const findLost = (
  { old, now, columns, by, columnBy }: Fate,
  upFates: readonly Fate[],
  up: Recording,
): readonly Finding[] => {
  const origin = upFates.find(fate => fate.now?.name === old.name)
  if (now === undefined) {
    const holdsRows = origin !== undefined || hasMovedRows(old.name, upFates, up)
    return holdsRows ? [finding('HM401', `drops the table ${old.name}, which has rows from before up`, by)] : []
  }
  const fromBefore = [...(origin?.columns.values() ?? [])]
  return old.columns
    .filter(({ name, generated }) => generated === null && fromBefore.includes(name) && !columns.has(name))
    .map(({ name }) =>
      finding(
        'HM401',
        `drops the column ${old.name}.${name}, which has values from before up`,
        columnBy.get(name) ?? by,
      ),
    )
}

const hasMovedRows = (table: string, upFates: readonly Fate[], { steps }: Recording): boolean => {
  const dropped = upFates.filter(({ now }) => now === undefined).map(({ old }) => old.name)
  return withoutUndone(steps).some(({ touched, before, after }) => {
    const targets = [...touched.writes, ...without(after, before).map(({ name }) => name)]
    return targets.includes(table) && touched.reads.some(name => dropped.includes(name))
  })
}
