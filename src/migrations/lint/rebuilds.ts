import type { Index } from '../../database/indexes.ts'
import { type Structure, type Table, without } from '../../database/structure.ts'
import { isSameSql, tokensOf } from '../../database/tokens.ts'
import { type Fate, isSurvivor, type Survivor } from '../fates.ts'
import type { Step } from '../recorder.ts'
import { type Finding, finding } from './finding.ts'

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

const lostParts = (last: Table, now: Table, before: Structure, after: Structure): readonly string[] => {
  const isStored = (name: string) => now.columns.some(column => column.name === name && column.generated === null)
  const isThere = (part: string) =>
    now.columns.some(({ name }) => name === part) || !last.columns.some(({ name }) => name === part)
  return [
    ...last.indexes
      .filter(
        index => index.parts.every(({ of }) => isThere(of)) && !now.indexes.some(other => isSameIndex(index, other)),
      )
      .map(({ name, parts }) => (name === null ? `UNIQUE (${columnsOf(parts)})` : `the index ${name}`)),
    ...before.triggers
      .filter(({ name, table }) => table === last.name && !after.triggers.some(other => other.name === name))
      .map(({ name }) => `the trigger ${name}`),
    ...last.columns
      .filter(({ name, generated }) => generated !== null && isStored(name))
      .map(({ name }) => `the expression of ${name}`),
    ...['AUTOINCREMENT', 'CHECK', 'COLLATE'].filter(word => count(word, now) < count(word, last)),
  ]
}

const columnsOf = (parts: Index['parts']): string => parts.map(({ of }) => of).join(', ')

const isSameIndex = (a: Index, b: Index): boolean =>
  a.unique === b.unique && isSameSql(columnsOf(a.parts), columnsOf(b.parts))

/** How often a table's text has a word; no PRAGMA tells of these. */
const count = (word: string, { sql }: Table): number =>
  tokensOf(sql).filter(({ text }) => text.toUpperCase() === word).length

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
