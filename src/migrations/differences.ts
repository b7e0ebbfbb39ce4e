import type { Column } from '../database/columns.ts'
import { type Structure, type Table, without } from '../database/structure.ts'
import { tokensOf } from '../database/tokens.ts'
import { formatThings } from '../for-people.ts'

export type Difference = Readonly<{
  change: 'added' | 'removed' | 'changed'
  kind: 'table' | 'column' | 'foreign key' | 'index' | 'trigger' | 'view'
  /** `servers`, `servers.room`; what has no name of its own is named by its table and columns: `servers (room)` */
  name: string
  /** what it is; what it was and what it is; or that it is its text that changed */
  detail: string
}>

/** One thing of a structure. */
type Fact = Readonly<{ kind: Difference['kind']; name: string; detail: string; sql: string }>

/** What two structures differ in: tables first, then what is in them, then what is around them. */
export const differences = (before: Structure, after: Structure): readonly Difference[] => {
  const shared = before.tables.flatMap(old =>
    after.tables.filter(({ name }) => name === old.name).map((now): [Table, Table] => [old, now]),
  )
  return [
    ...compare(without(before, after).map(tableFact), without(after, before).map(tableFact)),
    ...shared.flatMap(([old, now]) => compareTables(old, now)),
    ...compare(factsAround(before), factsAround(after)),
  ]
}

const compare = (before: readonly Fact[], after: readonly Fact[]): readonly Difference[] => {
  const find = (facts: readonly Fact[], { kind, name }: Fact) =>
    facts.find(fact => fact.kind === kind && fact.name === name)
  return [
    ...before.filter(fact => find(after, fact) === undefined).map(fact => difference('removed', fact)),
    ...after.flatMap(fact => {
      const old = find(before, fact)
      if (old === undefined) return difference('added', fact)
      if (old.detail !== fact.detail) return difference('changed', fact, `${old.detail} -> ${fact.detail}`)
      return isSameText(old.sql, fact.sql) ? [] : difference('changed', fact, 'its text')
    }),
  ]
}

const difference = (change: Difference['change'], { kind, name, detail }: Fact, what = detail): Difference => ({
  change,
  kind,
  name,
  detail: what,
})

/** The text of a table counts only where nothing tells better what changed. */
const compareTables = (old: Table, now: Table): readonly Difference[] => {
  const found = compare(factsWithin(old), factsWithin(now))
  if (found.length > 0 || isSameText(old.sql, now.sql)) return found
  return [difference('changed', tableFact(now), 'its text')]
}

const tableFact = ({ name, columns, sql }: Table): Fact => ({
  kind: 'table',
  name,
  detail: formatThings(columns.length, 'column'),
  sql,
})

const factsWithin = ({ name: table, columns, foreignKeys }: Table): readonly Fact[] => [
  ...columns.map(column => fact('column', `${table}.${column.name}`, describe(column))),
  ...foreignKeys.map(({ columns: own, parent, parentColumns }) =>
    fact('foreign key', `${table} (${own.join(', ')})`, `to ${parent} (${parentColumns.join(', ')})`),
  ),
]

const factsAround = ({ tables, triggers, views }: Structure): readonly Fact[] => [
  ...tables.flatMap(({ name: table, indexes }) =>
    indexes.map(({ name, unique, parts, sql }) => {
      const place = `${table} (${parts.map(({ of }) => of).join(', ')})`
      return fact('index', name ?? place, `${unique ? 'unique ' : ''}on ${place}`, sql ?? '')
    }),
  ),
  ...triggers.map(({ name, table, sql }) => fact('trigger', name, `on ${table}`, sql)),
  ...views.map(({ name, sql }) => fact('view', name, '', sql)),
]

const fact = (kind: Difference['kind'], name: string, detail: string, sql = ''): Fact => ({ kind, name, detail, sql })

/** A column as CREATE TABLE would have it: `TEXT NOT NULL DEFAULT 'x'`. */
const describe = ({ type, notNull, default: fallback, key, rowidAlias, generated }: Column): string =>
  [
    type,
    key > 0 ? 'PRIMARY KEY' : '',
    notNull && !rowidAlias ? 'NOT NULL' : '',
    fallback === null ? '' : `DEFAULT ${fallback}`,
    generated === null ? '' : `GENERATED ${generated.kind.toUpperCase()}`,
  ]
    .filter(Boolean)
    .join(' ')

/** Space, case and the quotes around names are no difference. */
const isSameText = (a: string, b: string): boolean => normalForm(a) === normalForm(b)

const normalForm = (sql: string): string =>
  tokensOf(sql)
    .map(({ text }) => (text.startsWith("'") ? text : text.replaceAll(/["`[\]]/g, '').toLowerCase()))
    .join(' ')
