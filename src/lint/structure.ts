import { isKept, type Kept, type Lineage } from '../dry-run/lineage.ts'
import { type Step, stepThat } from '../dry-run/record.ts'
import { must } from '../failure.ts'
import type { Column, ForeignKey, Index, Schema, Table } from '../sqlite/schema/read.ts'
import { foldName, sameName } from '../sqlite/sql.ts'
import { isCopied } from './copied.ts'
import { type Finding, finding } from './rules.ts'

/** DS102, DS103: dropped tables and columns, with the data in them, unless it was copied before. */
export const findDropped = (lineages: readonly Lineage[], steps: readonly Step[], after: Schema): readonly Finding[] =>
  lineages.flatMap(lineage => {
    const { old, now, columns, by, columnBy } = lineage
    const own = old.columns.filter(({ generated }) => generated === null)
    const dropOf = (column: Column): Step => must(columnBy.get(column.name) ?? by)
    const lost = own
      .filter(({ name }) => now === undefined || !columns.has(name))
      .filter(column => !isCopied(lineage, column, dropOf(column), steps, after))
    if (now !== undefined)
      return lost.map(column => finding('DS103', `drops the column ${old.name}.${column.name}`, dropOf(column)))
    return lost.length === 0 ? [] : finding('DS102', `drops the table ${old.name}`, by)
  })

/** BC101, BC102, CD101: renamed tables and columns that a hub knows by their old names, and removed foreign keys. */
export const findIncompatible = (lineages: readonly Lineage[], steps: readonly Step[]): readonly Finding[] =>
  lineages.filter(isKept).flatMap(lineage => [...findRenamed(lineage), ...findLostKeys(lineage, lineages, steps)])

const findRenamed = ({ old, now, columns, by, columnBy }: Kept): readonly Finding[] => [
  ...(sameName(now.name, old.name) ? [] : [finding('BC101', `renames the table ${old.name} to ${now.name}`, by)]),
  ...[...columns]
    .filter(([first, last]) => !sameName(first, last))
    .map(([first, last]) =>
      finding('BC102', `renames the column ${old.name}.${first} to ${last}`, columnBy.get(first)),
    ),
]

const findLostKeys = (
  { old, now, columns }: Kept,
  lineages: readonly Lineage[],
  steps: readonly Step[],
): readonly Finding[] =>
  old.foreignKeys
    .filter(key => key.columns.every(column => columns.has(column)))
    .flatMap(key => {
      const names = key.columns.map(column => columns.get(column)).join()
      // a foreign key to another parent allows other rows, so it does not count as the same
      const parents = [
        key.parent,
        ...lineages.flatMap(lineage => (sameName(lineage.old.name, key.parent) ? (lineage.now?.name ?? []) : [])),
      ]
      const isIt = (other: ForeignKey) =>
        sameName(other.columns.join(), names) && parents.some(parent => sameName(parent, other.parent))
      const lacksIt = ({ name, foreignKeys }: Table) => sameName(name, now.name) && !foreignKeys.some(isIt)
      if (!lacksIt(now)) return []
      const step = stepThat(steps, ({ tables }) => tables.some(lacksIt))
      return finding('CD101', `removes the foreign key ${old.name} (${key.columns.join(', ')}) to ${key.parent}`, step)
    })

/** HM103: foreign keys that point to nothing now, but did not before. */
export const findLostParents = (before: Schema, after: Schema, steps: readonly Step[]): readonly Finding[] => {
  const old = brokenKeysOf(before)
  return brokenKeysOf(after)
    .filter(place => !old.includes(place))
    .map(place => {
      const step = stepThat(steps, structure => brokenKeysOf(structure).includes(place))
      return finding('HM103', `leaves the foreign key ${place}, which is no key of a table`, step)
    })
}

/** Foreign keys without a parent key, in words: `metrics (server_id) to servers (id)`. */
const brokenKeysOf = ({ tables }: Schema): readonly string[] =>
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
  // SQLite accepts no partial index as a parent key, nor one with another collation than the column's
  const unique = indexes
    .filter(index => index.unique && index.where === null && index.parts.every(isByOwnCollation(columns)))
    .map(({ parts }) => parts.map(({ of }) => of))
  return wanted.length > 0 && [primary, ...unique].some(key => isSame(key, wanted))
}

const isByOwnCollation =
  (columns: readonly Column[]) =>
  ({ of, collation }: Index['parts'][number]): boolean =>
    columns.some(column => sameName(column.name, of) && column.collation === collation)

/** Compares lists of names, ignoring case and order. */
const isSame = (a: readonly string[], b: readonly string[]): boolean => normal(a) === normal(b)
const normal = (names: readonly string[]): string => names.map(foldName).sort().join('\0')

/** HM104: views that cannot be read, and were readable or absent before. */
export const findUnreadable = (before: Schema, after: Schema, steps: readonly Step[]): readonly Finding[] => {
  const isBroken = ({ views }: Schema, view: string) =>
    views.some(({ name, error }) => sameName(name, view) && error !== null)
  return after.views.flatMap(({ name, error }) => {
    if (error === null || isBroken(before, name)) return []
    const step = stepThat(steps, structure => isBroken(structure, name))
    return finding('HM104', `leaves the view ${name}, which cannot be read: ${error}`, step)
  })
}

/** HM302: new defaults that contain a semicolon. */
export const findDefaults = (before: Schema, after: Schema, steps: readonly Step[]): readonly Finding[] => {
  const old = semicolonsOf(before)
  return semicolonsOf(after)
    .filter(place => !old.includes(place))
    .map(place => {
      const step = stepThat(steps, structure => semicolonsOf(structure).includes(place))
      return finding('HM302', `sets the default of ${place}`, step)
    })
}

/** Columns with such defaults, in words: `servers.note to 'a;b'`. */
const semicolonsOf = ({ tables }: Schema): readonly string[] =>
  tables.flatMap(({ name: table, columns }) =>
    columns
      .filter(column => column.default?.includes(';') === true)
      .map(({ name, default: value }) => `${table}.${name} to ${value}`),
  )
