import { isKept, type Kept, type Lineage } from '../dry-run/lineage.ts'
import type { Step } from '../dry-run/record.ts'
import { compareTables, type Finding as Difference } from '../sqlite/schema/compare.ts'
import { type Affinity, type Column, type Index, type Schema, type Table, without } from '../sqlite/schema/read.ts'
import {
  elementsOf,
  hasName,
  isSameSql,
  quote,
  rowidNames,
  sameName,
  tokensOf,
  unquote,
  wordAt,
} from '../sqlite/sql.ts'
import { type Finding, finding } from './rules.ts'
import { type Assignment, assign, changeOf } from './statements.ts'

/** HM101, HM102, HM107: what belongs to a table or refers to it, and is lost when another table takes its place. */
export const findRebuilds = (
  lineages: readonly Lineage[],
  steps: readonly Step[],
  after: Schema,
): readonly Finding[] => [
  ...lineages.filter(isKept).flatMap(lineage =>
    // removeConstraint and the like say what shall go
    lineage.rebuilt === undefined || lineage.rebuilt.isNamedChange
      ? []
      : findLostParts(lineage, lineage.rebuilt, after),
  ),
  ...steps.flatMap(step => findRenamedAway(step, after)),
]

const findLostParts = ({ old, now }: Kept, drop: Step, after: Schema): readonly Finding[] =>
  // compares the table as it was when dropped: what an earlier statement dropped on purpose is not lost
  without(drop.before, drop.after).flatMap(last => {
    const all = lostParts(last, now, drop.before, after)
    const of = (code: 'HM101' | 'HM107', lost: readonly string[]) =>
      lost.length === 0 ? [] : finding(code, `rebuilds ${old.name} and loses ${lost.join(', ')}`, drop)
    // only a rebuild can remove these, so it may be meant: HM107
    const isUnique = (part: string) => /^(?:UNIQUE \(|place in the primary key )/.test(part)
    return [
      of(
        'HM101',
        all.filter(part => !isUnique(part)),
      ),
      of('HM107', all.filter(isUnique)),
    ].flat()
  })

/** HM102: a new table takes the old name, but other tables' foreign keys followed the renamed one. */
const findRenamedAway = (step: Step, after: Schema): readonly Finding[] => {
  const [gone] = without(step.before, step.after)
  const [came] = without(step.after, step.before)
  if (gone === undefined || came === undefined || !after.tables.some(({ name }) => sameName(name, gone.name))) return []
  const followers = after.tables
    .filter(
      ({ name, foreignKeys }) =>
        !sameName(name, gone.name) && foreignKeys.some(({ parent }) => sameName(parent, came.name)),
    )
    .map(({ name }) => name)
  if (followers.length === 0) return []
  const message = `renames ${gone.name} to ${came.name}, and the foreign keys of ${followers.join(', ')} follow it`
  return [finding('HM102', message, step)]
}

/**
 * What belonged to a table and is missing on the one that replaced it, each in words. Leaves out what went with a dropped column,
 * and columns and foreign keys, which are other findings.
 * @param last the table as it was when it was dropped
 * @param before the schema it was in
 * @param after the schema that the migration left
 */
export const lostParts = (last: Table, now: Table, before: Schema, after: Schema): readonly string[] => {
  const gone = last.columns.filter(({ name }) => !now.columns.some(column => sameName(column.name, name)))
  const isThere = (sql: string) => !tokensOf(sql).some(({ text }) => gone.some(({ name }) => isSameSql(name, text)))
  const differences = compareTables({ ...last, name: now.name }, now, 'difference').filter(
    ({ what, expected }) => what !== 'missing' && isThere(expected ?? ''),
  )
  return [
    ...last.indexes
      .filter(
        index => index.parts.every(({ of }) => isThere(of)) && !now.indexes.some(other => isSameIndex(index, other)),
      )
      .map(({ name, parts }) => (name === null ? `UNIQUE (${columnsOf(parts)})` : `the index ${name}`)),
    ...before.triggers
      .filter(
        ({ name, table }) => sameName(table, last.name) && !after.triggers.some(other => sameName(other.name, name)),
      )
      .map(({ name }) => `the trigger ${name}`),
    ...differences.filter(isLoss(differences, now)).map(describe),
  ]
}

const columnsOf = (parts: Index['parts']): string => parts.map(({ of }) => of).join(', ')

const isSameIndex = (a: Index, b: Index): boolean =>
  a.unique === b.unique && isSameSql(columnsOf(a.parts), columnsOf(b.parts))

/** What compareTables reports as found if the table's text says nothing. */
const ofNothing = [null, 'no', 'NULL', 'BINARY', 'NO ACTION', 'each statement', 'a key of its own', 'BLOB (no type)']

/** Another default, action or type was written on purpose; one that is missing was forgotten. */
const isLoss =
  (differences: readonly Difference[], now: Table) =>
  ({ object, what, expected, found }: Difference): boolean => {
    if (expected === null || !ofNothing.includes(found)) return false
    if (what === 'default') return !saysDefaultNull(object, now)
    // clauses have no names: a new one counts as the replacement of an old one
    const alike = differences.filter(other => other.object === object && other.what === what)
    return found !== null || alike.filter(other => other.expected !== null).length * 2 > alike.length
  }

/** Whether the text says DEFAULT NULL, as changeColumn writes it to remove a default on purpose. */
const saysDefaultNull = (object: string, { name, sql }: Table): boolean =>
  elementsOf(sql).some(
    element =>
      object === `column ${name}.${unquote(wordAt(element, 0))}` &&
      element.some(({ text }, index) => /^DEFAULT$/i.test(text) && /^NULL$/i.test(wordAt(element, index + 1))),
  )

/** `STRICT`, `CHECK (x > 0)`, `NOT NULL of column a.x`, `ON DELETE CASCADE of foreign key a (x) to b (id)`. */
const describe = ({ object, what, expected }: Difference): string => {
  if (expected === 'yes') return what
  if (what === 'CHECK') return `CHECK (${expected})`
  if (what === 'ON CONFLICT') return `${expected}`
  return `${what === 'NULL' ? '' : `${what} `}${expected} of ${object}`
}

/** HM105: columns of a rebuilt table that exist before and after, but whose values no statement copies. */
export const findNotCopied = (lineages: readonly Lineage[]): readonly Finding[] =>
  lineages.filter(isKept).flatMap(({ old, columns, lastColumns, copies }: Kept) =>
    old.columns.flatMap(column => {
      const last = lastColumns.get(column.name)
      if (column.generated !== null || last === undefined || !columns.has(column.name)) return []
      const names = namesOf(column, last)
      if (copies.length === 0 || copies.some(step => copiesIt(step, names))) return []
      return finding('HM105', `rebuilds ${old.name} and does not copy ${old.name}.${column.name}`, copies.at(-1))
    }),
  )

/** The only statement that copies a rebuilt table's rows, if it picks some of them; otherwise undefined. */
export const findPick = ({ copies }: Lineage): Step | undefined => {
  const inserts = copies.filter(({ sql }) => changeOf(sql)?.verb !== 'UPDATE')
  return inserts.length === 1 ? inserts.find(({ sql }) => changeOf(sql)?.picks === true) : undefined
}

/** The names a column can be used by. */
const namesOf = ({ rowidAlias }: Column, name: string): readonly string[] => [name, ...(rowidAlias ? rowidNames : [])]

/** Assumes that the column is copied if the text does not show which value goes where. */
const copiesIt = (step: Step, names: readonly string[]): boolean => {
  const assigned = assignedBy(step)
  return (
    assigned === undefined ||
    assigned.some(({ column, expression }) => hasName(names, column) && mentions(expression, names))
  )
}

const assignedBy = ({ sql, before, touched }: Step): readonly Assignment[] | undefined => {
  const change = changeOf(sql)
  if (change === undefined || change.verb === 'UPDATE') return change?.sets
  const columnsOf = (table: string) =>
    before.tables.filter(({ name }) => sameName(name, table)).flatMap(({ columns }) => columns)
  const own = columnsOf(change.table).filter(({ generated }) => generated === null)
  const into = change.into.length > 0 ? change.into : own.map(({ name }) => name)
  const sources = touched.reads.filter(name => !sameName(name, change.table))
  const all = sources.flatMap(columnsOf).map(({ name }) => quote(name))
  const selects = change.selects.flatMap(expression => (/(?:^|[.\s])\*$/.test(expression) ? all : [expression]))
  return selects.length === into.length ? assign(into, selects) : undefined
}

/**
 * Whether an expression, without its alias, names a column.
 * @param names the names the column can be used by
 */
export const mentions = (expression: string, names: readonly string[]): boolean => {
  const tokens = tokensOf(expression)
  const beforeLast = wordAt(tokens, -2)
  const isNamed = /^(?:AS|NULL|\d.*|'.*|\))$/is.test(beforeLast)
  return (isNamed ? tokens.slice(0, -1) : tokens).some(
    ({ kind, text }, index) => kind !== 'string' && wordAt(tokens, index + 1) !== '.' && hasName(names, unquote(text)),
  )
}

/**
 * Changes of affinity that may change values: numeric-looking text loses its zeros, a large INTEGER loses its last digits as REAL,
 * and so does a REAL as text. https://www.sqlite.org/datatype3.html#type_affinity
 */
const lossy: Readonly<Record<Affinity, readonly Affinity[]>> = {
  TEXT: ['INTEGER', 'REAL', 'NUMERIC'],
  BLOB: ['INTEGER', 'REAL', 'NUMERIC', 'TEXT'],
  INTEGER: ['REAL'],
  NUMERIC: ['REAL', 'TEXT'],
  REAL: ['TEXT'],
}

/** HM106: columns whose values a new affinity may change when they are copied. */
export const findLossy = (lineages: readonly Lineage[]): readonly Finding[] =>
  lineages.filter(isKept).flatMap(({ old, now, columns, copies }) =>
    old.columns.flatMap(({ name, affinity: was, generated }) => {
      const isIt = (column: string) => generated === null && sameName(column, columns.get(name) ?? '')
      return now.columns
        .filter(column => isIt(column.name) && lossy[was].includes(column.affinity))
        .map(({ affinity }) =>
          finding('HM106', `changes the type of ${old.name}.${name} from ${was} to ${affinity}`, copies.at(-1)),
        )
    }),
  )
