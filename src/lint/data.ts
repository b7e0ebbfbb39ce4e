// This room is about SQLite.
import { isKept, type Kept, type Lineage } from '../dry-run/lineage.ts'
import { type Step, stepThat } from '../dry-run/record.ts'
import { attempt, must } from '../failure.ts'
import { inMemory } from '../sqlite/editor/editing.ts'
import { describeIndex } from '../sqlite/schema/compare.ts'
import { type Column, type Index, type Schema, type Table, without } from '../sqlite/schema/read.ts'
import { hasName, isSameSql, sameName } from '../sqlite/sql.ts'
import { isMerged } from './copied.ts'
import { type Finding, finding } from './rules.ts'
import { changeOf, fills } from './statements.ts'

/** MF101 to MF104, LT101, HM301: statements that work on an empty table, but on rows only if their values allow it. */
export const findDataDependent = (lineages: readonly Lineage[], steps: readonly Step[]): readonly Finding[] =>
  lineages
    .filter(isKept)
    .flatMap(lineage => [...findAdded(lineage, steps), ...findNotNull(lineage, steps), ...findUnique(lineage, steps)])

/** Skips rebuilds, whose INSERT fills the new columns. */
const findAdded = ({ now, columns, rebuilt }: Kept, steps: readonly Step[]): readonly Finding[] => {
  if (rebuilt !== undefined) return []
  const present = [...columns.values()]
  const added = now.columns.filter(({ name }) => !hasName(present, name))
  return added.flatMap(column => {
    const name = `${now.name}.${column.name}`
    const step = stepThat(steps, structure => columnIn(structure, now, column) !== undefined)
    const first = { ...column, ...(step && columnIn(step.after, now, column)) }
    if (column.generated !== null)
      return column.generated.kind === 'stored' ? finding('HM301', `adds the stored column ${name}`, step) : []
    if (first.default === null) {
      if (first.notNull) return finding('MF103', `adds the column ${name} as NOT NULL without a default`, step)
      return findMadeNotNull(now, [now.name], [], first, column, steps)
    }
    if (isConstant(first.default)) return []
    return finding('HM301', `adds the column ${name} with the default ${first.default}`, step)
  })
}

const findNotNull = ({ old, now, columns, rebuilt }: Kept, steps: readonly Step[]): readonly Finding[] => {
  const replaced = rebuilt === undefined ? [] : without(rebuilt.before, rebuilt.after).map(({ name }) => name)
  return old.columns.flatMap(before => {
    const column = now.columns.find(({ name }) => sameName(name, columns.get(before.name) ?? ''))
    return column === undefined ? [] : findMadeNotNull(now, [old.name, now.name], replaced, before, column, steps)
  })
}

/**
 * MF104, LT101: a nullable column that became NOT NULL without having been filled in between.
 * @param names of its table, the first and the last
 * @param replaced the tables that a rebuild replaced by it
 */
const findMadeNotNull = (
  now: Table,
  names: readonly string[],
  replaced: readonly string[],
  before: Column,
  column: Column,
  steps: readonly Step[],
): readonly Finding[] => {
  if (before.notNull || !column.notNull) return []
  const isSo = (structure: Schema) => columnIn(structure, now, column)?.notNull === true
  const isFilled = steps.some(step => {
    const change = changeOf(step.sql)
    if (change === undefined || isSo(step.before)) return false
    const isUpdate = change.verb === 'UPDATE' && hasName(names, change.table)
    const isCopy = change.verb === 'INSERT' && step.touched.reads.some(isOneOf(replaced))
    return [before.name, column.name].some(
      name => fills(change, name) && (isCopy || (isUpdate && isOfAllNull(step.asked, name))),
    )
  })
  if (isFilled) return []
  const code = column.default === null ? 'LT101' : 'MF104'
  return [finding(code, `makes ${now.name}.${column.name} NOT NULL`, stepThat(steps, isSo))]
}

/** Whether an UPDATE covers every row in which a column is NULL; the batches of a backfill together cover all rows. */
const isOfAllNull = (asked: string, column: string): boolean =>
  String(changeOf(asked)?.where)
    .replace(/\S+ BETWEEN \$first AND \$last/i, '')
    .split(/\bAND\b/i)
    .map(condition => condition.trim().replace(/^[^.]*\./, ''))
    .every(condition => condition === '' || isSameSql(condition, `"${column}" IS NULL`))

const findUnique = ({ old, now, columns }: Kept, steps: readonly Step[]): readonly Finding[] => {
  const present = [...columns.values()]
  const isExpression = (part: string) => !now.columns.some(({ name }) => sameName(name, part))
  const before = uniquesOf(old).map(unique => ({
    ...unique,
    parts: unique.parts.map(part => ({ ...part, of: columns.get(part.of) ?? part.of })),
  }))
  return uniquesOf(now)
    .filter(
      unique =>
        unique.parts.some(({ of }) => hasName(present, of) || isExpression(of)) &&
        !before.some(other => implies(other, unique)),
    )
    .flatMap(unique => {
      const isThere = ({ tables }: Schema) =>
        tables.some(table => sameName(table.name, now.name) && uniquesOf(table).some(other => implies(other, unique)))
      const step = must(stepThat(steps, isThere))
      const parts = unique.parts.map(({ of }) => of)
      if (isMerged([old.name, now.name], parts, step, steps)) return []
      const wasPlain = old.indexes.some(
        ({ name, unique: was }) => !was && name !== null && sameName(name, String(unique.name)),
      )
      if (wasPlain) return finding('MF102', `makes the index ${unique.name} unique`, step)
      return finding('MF101', `makes ${now.name} ${describeUnique(unique)} unique`, step)
    })
}

const columnIn = ({ tables }: Schema, table: Table, column: Column): Column | undefined =>
  tables.find(({ name }) => sameName(name, table.name))?.columns.find(({ name }) => sameName(name, column.name))

const isOneOf = (names: readonly string[]) => (name: string) => hasName(names, name)

/** What keeps a table's rows unique: its unique indexes, and its primary key, which has no name. */
type Unique = Readonly<Pick<Index, 'name' | 'parts' | 'where'>>

export const uniquesOf = ({ indexes, columns }: Table): readonly Unique[] => {
  const key = columns
    .filter(column => column.key > 0)
    .map(({ name, collation }) => ({ of: name, collation, descending: false }))
  const unique = indexes.filter(index => index.unique)
  return key.length === 0 ? unique : [...unique, { name: null, parts: key, where: null }]
}

/**
 * Whether `strict` already guarantees `other`: fewer or the same columns, no WHERE or the same one, and collations at least as
 * coarse.
 */
export const implies = (strict: Unique, other: Unique): boolean =>
  (strict.where === null || (other.where !== null && isSameSql(strict.where, other.where))) &&
  strict.parts.every(({ of, collation }) =>
    other.parts.some(part => isSameSql(part.of, of) && (part.collation === collation || part.collation === 'BINARY')),
  )

/** `(hostname COLLATE NOCASE) WHERE status = 'online'`; leaves out the sort order, which does not matter for uniqueness. */
export const describeUnique = ({ parts, where }: Unique): string =>
  describeIndex({ unique: false, parts: parts.map(part => ({ ...part, descending: false })), where })

/**
 * Whether a column with this default can be added to a table that has rows. Tries it in SQLite, on a table of one row.
 * @param value the SQL of a default, as SQLite stores it
 */
export const isConstant = (value: string): boolean => {
  const table = ['CREATE TABLE one (a)', 'INSERT INTO one VALUES (1)']
  return inMemory(
    table,
    // a name stands for a string there, but not in parentheses: DEFAULT "x"
    memory =>
      [value, `(${value})`].some(
        text => 'value' in attempt(() => memory.prepare(`ALTER TABLE one ADD COLUMN b DEFAULT ${text}`).run()),
      ),
  )
}
