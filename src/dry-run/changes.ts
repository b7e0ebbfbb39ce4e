import { describeColumn, describeIndex, pairUp } from '../sqlite/schema/compare.ts'
import { type ForeignKey, type Schema, type Table, without } from '../sqlite/schema/read.ts'
import { isSameSql, sameName } from '../sqlite/sql.ts'
import { formatThings, textTable } from '../text.ts'

export type Difference = Readonly<{
  change: 'added' | 'removed' | 'changed'
  /** table, column, foreign key, index, trigger, view; on a server also constraint, sequence, function and the like */
  kind: string
  /** `servers`, `servers.room`; an object without a name is named by its table and columns: `servers (room)` */
  name: string
  /** what it is; `old -> new`; or `its text`, if only the text changed */
  detail: string
}>

/** One object of a schema. */
type Fact = Readonly<{ kind: Difference['kind']; name: string; detail: string; sql: string }>

/** The differences between two schemas: tables first, then what is in them, then indexes, triggers and views. */
export const differences = (before: Schema, after: Schema): readonly Difference[] => {
  const shared = before.tables.flatMap(old =>
    after.tables.filter(({ name }) => sameName(name, old.name)).map((now): [Table, Table] => [old, now]),
  )
  return [
    ...compare(without(before, after).map(tableFact), without(after, before).map(tableFact)),
    ...shared.flatMap(([old, now]) => compareTables(old, now)),
    ...compare(factsAround(before), factsAround(after)),
  ]
}

const compare = (before: readonly Fact[], after: readonly Fact[]): readonly Difference[] => {
  const isNamed = (old: Fact, now: Fact) => old.kind === now.kind && sameName(old.name, now.name)
  // two foreign keys of the same columns share a name, so their details count too
  const isSame = (old: Fact, now: Fact) => isNamed(old, now) && isSameSql(old.detail, now.detail)
  const { pairs, missing, extra } = pairUp(before, after, isSame, isNamed)
  return [
    ...missing.map(fact => difference('removed', fact)),
    ...after.flatMap(fact => {
      if (extra.includes(fact)) return difference('added', fact)
      return pairs.flatMap(([old, now]) => {
        if (now !== fact) return []
        if (!isSame(old, now)) return difference('changed', now, `${old.detail} -> ${now.detail}`)
        return isSameSql(old.sql, now.sql) ? [] : difference('changed', now, 'its text')
      })
    }),
  ]
}

const difference = (change: Difference['change'], { kind, name, detail }: Fact, what = detail): Difference => ({
  change,
  kind,
  name,
  detail: what,
})

/** Reports a changed table text only if no more precise difference is found. */
const compareTables = (old: Table, now: Table): readonly Difference[] => {
  const found = compare(factsWithin(old), factsWithin(now))
  if (found.length > 0 || isSameSql(old.sql, now.sql)) return found
  return [difference('changed', tableFact(now), 'its text')]
}

const tableFact = ({ name, columns, sql }: Table): Fact => ({
  kind: 'table',
  name,
  detail: formatThings(columns.length, 'column'),
  sql,
})

const factsWithin = (table: Table): readonly Fact[] => [
  fact('table', table.name, describeTable(table)),
  ...table.columns.map(column => fact('column', `${table.name}.${column.name}`, describeColumn(column))),
  ...table.foreignKeys.map(key => fact('foreign key', `${table.name} (${key.columns.join(', ')})`, describeKey(key))),
]

const factsAround = ({ tables, triggers, views }: Schema): readonly Fact[] => [
  ...tables.flatMap(({ name: table, indexes }) =>
    indexes.map(index => {
      const detail = `${index.unique ? 'UNIQUE ' : ''}on ${table} ${describeIndex({ ...index, unique: false })}`
      return fact('index', index.name ?? `${table} (${index.parts.map(({ of }) => of).join(', ')})`, detail)
    }),
  ),
  ...triggers.map(({ name, table, sql }) => fact('trigger', name, `on ${table}`, sql)),
  ...views.map(({ name, sql }) => fact('view', name, '', sql)),
]

const fact = (kind: Difference['kind'], name: string, detail: string, sql = ''): Fact => ({ kind, name, detail, sql })

/** A table's properties other than its columns: `STRICT, CHECK (id > 0)`. */
const describeTable = ({ autoincrement, checks, onConflict, strict, withoutRowid }: Table): string =>
  [
    ...(autoincrement ? ['AUTOINCREMENT'] : []),
    ...(withoutRowid ? ['WITHOUT ROWID'] : []),
    ...(strict ? ['STRICT'] : []),
    ...checks.map(check => `CHECK (${check})`),
    ...onConflict,
  ].join(', ') || 'plain'

/** A foreign key's parent, and its actions that are not the default. */
const describeKey = ({ deferred, onDelete, onUpdate, parent, parentColumns }: ForeignKey): string =>
  [
    `to ${parent} (${parentColumns.join(', ')})`,
    onDelete === 'NO ACTION' ? '' : ` ON DELETE ${onDelete}`,
    onUpdate === 'NO ACTION' ? '' : ` ON UPDATE ${onUpdate}`,
    deferred ? ' DEFERRED' : '',
  ].join('')

const marks: Readonly<Record<Difference['change'], string>> = { added: '+', removed: '-', changed: '~' }

/** Schema differences for people: `+ column  servers.room  TEXT`. */
export const differenceLines = (differences: readonly Difference[]): readonly string[] =>
  textTable(differences.map(({ change, kind, name, detail }) => [`${marks[change]} ${kind}`, name, detail]))
