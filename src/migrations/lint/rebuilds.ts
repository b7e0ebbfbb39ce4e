import { type Structure, without } from '../../database/structure.ts'
import { type Fate, isSurvivor, type Survivor } from '../fates.ts'
import type { Step } from '../recorder.ts'
import { type Finding, finding } from './finding.ts'
import { lostParts } from './lost-parts.ts'

/** HM101, HM102: what belongs to a table, or refers to it, and is lost when another takes its place. */
export const findRebuilds = (fates: readonly Fate[], steps: readonly Step[], after: Structure): readonly Finding[] => [
  ...fates
    .filter(isSurvivor)
    .flatMap(fate => (fate.rebuilt === undefined ? [] : findLostParts(fate, fate.rebuilt, after))),
  ...steps.flatMap(step => findRenamedAway(step, after)),
]

const findLostParts = ({ old, now }: Survivor, drop: Step, after: Structure): readonly Finding[] =>
  // as it was when it went: what had been dropped by a statement of its own is not lost
  without(drop.before, drop.after)
    .map(last => lostParts(last, now, drop.before, after))
    .filter(lost => lost.length > 0)
    .map(lost => finding('HM101', `rebuilds ${old.name} and loses ${lost.join(', ')}`, drop))

/** A new table has the name again, and the others still refer to the one that was renamed. */
const findRenamedAway = (step: Step, after: Structure): readonly Finding[] => {
  const [gone] = without(step.before, step.after)
  const [came] = without(step.after, step.before)
  if (gone === undefined || came === undefined || !after.tables.some(({ name }) => name === gone.name)) return []
  const followers = after.tables
    .filter(({ name, foreignKeys }) => name !== gone.name && foreignKeys.some(({ parent }) => parent === came.name))
    .map(({ name }) => name)
  if (followers.length === 0) return []
  const message = `renames ${gone.name} away to ${came.name}, and the foreign keys of ${followers.join(', ')} follow it`
  return [finding('HM102', message, step)]
}
