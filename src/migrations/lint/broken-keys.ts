import type { Column } from '../../database/columns.ts'
import type { Index } from '../../database/indexes.ts'
import type { Structure, Table } from '../../database/structure.ts'
import { type Step, stepThat } from '../recorder.ts'
import { type Finding, finding } from './finding.ts'

/** HM103: foreign keys that point to nothing, and did not before. */
export const findBrokenKeys = (before: Structure, after: Structure, steps: readonly Step[]): readonly Finding[] => {
  const old = brokenKeysOf(before)
  return brokenKeysOf(after)
    .filter(place => !old.includes(place))
    .map(place => {
      const step = stepThat(steps, structure => brokenKeysOf(structure).includes(place))
      return finding('HM103', `leaves the foreign key ${place}, which is no key of a table`, step)
    })
}

/** In words: `metrics (server_id) to servers (id)`. */
const brokenKeysOf = ({ tables }: Structure): readonly string[] =>
  tables.flatMap(({ name, foreignKeys }) =>
    foreignKeys
      .filter(
        ({ parent, parentColumns }) =>
          !tables.some(table => isSame([table.name], [parent]) && hasKey(table, parentColumns)),
      )
      .map(
        ({ columns, parent, parentColumns }) =>
          `${name} (${columns.join(', ')}) to ${parent} (${parentColumns.join(', ')})`,
      ),
  )

const hasKey = ({ columns, indexes }: Table, wanted: readonly string[]): boolean => {
  const primary = columns.filter(({ key }) => key > 0).map(({ name }) => name)
  // SQLite takes none of some rows only, or by another collation than the column's own
  const unique = indexes
    .filter(index => index.unique && index.where === null && index.parts.every(isByOwnCollation(columns)))
    .map(({ parts }) => parts.map(({ of }) => of))
  return wanted.length > 0 && [primary, ...unique].some(key => isSame(key, wanted))
}

const isByOwnCollation =
  (columns: readonly Column[]) =>
  ({ of, collation }: Index['parts'][number]): boolean =>
    columns.some(column => column.name === of && column.collation === collation)

/** Case is no difference between names, nor is the order of columns. */
const isSame = (a: readonly string[], b: readonly string[]): boolean => normal(a) === normal(b)
const normal = (names: readonly string[]): string =>
  names
    .map(name => name.toLowerCase())
    .sort()
    .join('\0')
