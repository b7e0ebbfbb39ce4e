import type { Fate } from '../fates.ts'
import { type Finding, finding } from './finding.ts'

/** DS102, DS103: tables and columns that go with what is in them. */
export const findDropped = (fates: readonly Fate[]): readonly Finding[] =>
  fates.flatMap(({ old, now, columns, by, columnBy }) => {
    if (now === undefined) return finding('DS102', `drops the table ${old.name}`, by)
    return old.columns
      .filter(({ name, generated }) => generated === null && !columns.has(name))
      .map(({ name }) => finding('DS103', `drops the column ${old.name}.${name}`, columnBy.get(name) ?? by))
  })
