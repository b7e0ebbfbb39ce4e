import type { ForeignKey } from '../../database/foreign-keys.ts'
import type { Table } from '../../database/structure.ts'
import { isSameSql } from '../../database/tokens.ts'
import { type Fate, isSurvivor, type Survivor } from '../fates.ts'
import { type Step, stepThat } from '../recorder.ts'
import { type Finding, finding } from './finding.ts'

/** BC101, BC102, CD101: names that a hub knows and that are others now, and foreign keys that are gone. */
export const findIncompatible = (fates: readonly Fate[], steps: readonly Step[]): readonly Finding[] =>
  fates.filter(isSurvivor).flatMap(fate => [...findRenamed(fate), ...findLostKeys(fate, fates, steps)])

const findRenamed = ({ old, now, columns, by, columnBy }: Survivor): readonly Finding[] => [
  ...(now.name === old.name ? [] : [finding('BC101', `renames the table ${old.name} to ${now.name}`, by)]),
  ...[...columns]
    .filter(([first, last]) => first !== last)
    .map(([first, last]) =>
      finding('BC102', `renames the column ${old.name}.${first} to ${last}`, columnBy.get(first)),
    ),
]

const findLostKeys = (
  { old, now, columns }: Survivor,
  fates: readonly Fate[],
  steps: readonly Step[],
): readonly Finding[] =>
  old.foreignKeys
    .filter(key => key.columns.every(column => columns.has(column)))
    .flatMap(key => {
      const names = key.columns.map(column => columns.get(column)).join()
      // one to another parent lets in other rows
      const parents = [
        key.parent,
        ...fates.flatMap(fate => (isSameSql(fate.old.name, key.parent) ? (fate.now?.name ?? []) : [])),
      ]
      const isIt = (other: ForeignKey) =>
        other.columns.join() === names && parents.some(parent => isSameSql(parent, other.parent))
      const lacksIt = ({ name, foreignKeys }: Table) => name === now.name && !foreignKeys.some(isIt)
      if (!lacksIt(now)) return []
      const step = stepThat(steps, ({ tables }) => tables.some(lacksIt))
      return finding(
        'CD101',
        `takes away the foreign key ${old.name} (${key.columns.join(', ')}) to ${key.parent}`,
        step,
      )
    })
