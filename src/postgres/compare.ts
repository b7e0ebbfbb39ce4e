import type { SchemaObject } from '../engine.ts'
import { type Column, type Constraint, describeColumn, type ServerSchema, type Table } from './schema.ts'
import { quote } from './sql.ts'

/** One thing in which two schemas of a server differ. */
export type Change = Readonly<{
  /** `table`, `column`, `constraint`, or the type of a SchemaObject */
  kind: string
  /** `servers`, `servers.room` */
  name: string
  /** that it belongs to */
  table: string
  /** `missing` in the second, `extra` there, or the property that differs */
  what: string
  /** null if it is not in the first */
  before: string | null
  /** null if it is not in the second */
  after: string | null
}>

/** Every difference of two schemas: tables first, then what is in them, then what is around them. A pure function. */
export const compareServerSchemas = (before: ServerSchema, after: ServerSchema): readonly Change[] => [
  ...byName(before.tables, after.tables, ({ name }) => name).flatMap(compareTables),
  ...compareOthers(before.others, after.others),
]

type Pair<T> = readonly [T, T | undefined] | readonly [undefined, T]

/** Pairs things of one name; the rest has no partner. */
const byName = <T>(before: readonly T[], after: readonly T[], nameOf: (thing: T) => string): readonly Pair<T>[] => [
  ...before.map((old): Pair<T> => [old, after.find(now => nameOf(now) === nameOf(old))]),
  ...after.filter(now => !before.some(old => nameOf(old) === nameOf(now))).map((now): Pair<T> => [undefined, now]),
]

const change = (
  subject: Pick<Change, 'kind' | 'name' | 'table'>,
  before: string | null,
  after: string | null,
  what = before === null ? 'extra' : after === null ? 'missing' : 'definition',
): readonly Change[] => (before === after ? [] : [{ ...subject, what, before, after }])

const compareTables = ([old, now]: Pair<Table>): readonly Change[] => {
  const { name } = old ?? now
  const subject = { kind: 'table', name, table: name }
  if (old === undefined || now === undefined)
    return change(subject, old === undefined ? null : columnsOf(old), now === undefined ? null : columnsOf(now))
  return [
    ...change(subject, old.end.trim(), now.end.trim(), 'options'),
    ...byName(old.columns, now.columns, column => column.name).flatMap(compareColumns),
    ...compareConstraints(old.constraints, now.constraints),
  ]
}

const columnsOf = ({ columns }: Table): string => columns.map(({ name }) => name).join(', ')

const compareColumns = ([old, now]: Pair<Column>): readonly Change[] => {
  const column = old ?? now
  const subject = { kind: 'column', name: `${column.table}.${column.name}`, table: column.table }
  if (old === undefined || now === undefined)
    return change(
      subject,
      old === undefined ? null : describeColumn(old),
      now === undefined ? null : describeColumn(now),
    )
  return Object.keys(facets).flatMap(what => {
    const facet = facets[what] as (column: Column) => string | null
    return change(subject, facet(old), facet(now), what)
  })
}

/** What there is to know of a column besides its name. */
const facets: Readonly<Record<string, (column: Column) => string | null>> = {
  type: ({ type }) => type,
  NULL: ({ required }) => (required ? 'NOT NULL' : 'NULL'),
  numbering: column => (isSerial(column) ? 'a sequence' : identities[column.identity]),
  default: column => (column.generated !== '' || isSerial(column) ? null : column.expression),
  computed: ({ generated, expression }) =>
    generated === '' ? null : `${generated === 's' ? 'STORED' : 'VIRTUAL'} ${expression}`,
  collation: ({ collation }) => collation,
}

const identities = { '': null, a: 'ALWAYS AS IDENTITY', d: 'BY DEFAULT AS IDENTITY' } as const

/** As `serial` makes a column: numbered by a sequence, as by IDENTITY. */
export const isSerial = ({ expression, generated }: Column): boolean =>
  generated === '' && /^nextval\(/.test(expression ?? '')

/** Things of two schemas, by what became of them. */
type Pairs<T> = Readonly<{
  same: readonly T[]
  /** the same by another name */
  renamed: readonly (readonly [T, T])[]
  changed: readonly (readonly [T, T])[]
  gone: readonly T[]
  made: readonly T[]
}>

/** Takes each thing's partner out of the others: the first way that finds one wins. */
const pair = <T>(before: readonly T[], after: readonly T[], ...ways: readonly ((old: T, now: T) => boolean)[]) => {
  const rest = [...after]
  let open = before
  const found = ways.map(isIt => {
    const pairs = open.flatMap(old => {
      const index = rest.findIndex(now => isIt(old, now))
      return index === -1 ? [] : [[old, rest.splice(index, 1)[0] as T] as const]
    })
    open = open.filter(old => !pairs.some(([one]) => one === old))
    return pairs
  })
  return { found, gone: open, made: rest }
}

/** Of one definition first: a constraint's name is by chance where nobody gave one. */
export const pairConstraints = (before: readonly Constraint[], after: readonly Constraint[]): Pairs<Constraint> => {
  const { found, gone, made } = pair<Constraint>(
    before,
    after,
    (old, now) => now.name === old.name && now.definition === old.definition,
    (old, now) => now.definition === old.definition,
    (old, now) => now.kind === old.kind && now.name === old.name,
  )
  const [same = [], renamed = [], changed = []] = found
  return { same: same.map(([old]) => old), renamed, changed, gone, made }
}

/** What is around tables is defined by its text. An index of another name and the same text is the same by another name. */
export const pairOthers = (before: readonly SchemaObject[], after: readonly SchemaObject[]): Pairs<SchemaObject> => {
  const { found, gone, made } = pair<SchemaObject>(
    before,
    after,
    isNamed,
    (old, now) => old.type === 'index' && now.type === 'index' && nameless(now) === nameless(old),
  )
  const [named = [], renamed = []] = found
  return {
    same: named.filter(([old, now]) => old.sql === now.sql).map(([old]) => old),
    changed: named.filter(([old, now]) => old.sql !== now.sql),
    ...{ renamed, gone, made },
  }
}

const compareConstraints = (before: readonly Constraint[], after: readonly Constraint[]): readonly Change[] => {
  const { renamed, changed, gone, made } = pairConstraints(before, after)
  const subject = ({ table, name }: Constraint) => ({ kind: 'constraint', name: `${table}.${name}`, table })
  return [
    ...renamed.flatMap(([old, now]) => change(subject(old), old.name, now.name, 'name')),
    ...changed.flatMap(([old, now]) => change(subject(old), old.definition, now.definition)),
    ...gone.flatMap(old => change(subject(old), old.definition, null)),
    ...made.flatMap(now => change(subject(now), null, now.definition)),
  ]
}

const compareOthers = (before: readonly SchemaObject[], after: readonly SchemaObject[]): readonly Change[] => {
  const { renamed, changed, gone, made } = pairOthers(before, after)
  return [
    ...changed.flatMap(([old, now]) => change(subjectOf(old), old.sql, now.sql)),
    ...renamed.flatMap(([old, now]) => change(subjectOf(old), old.name, now.name, 'name')),
    ...gone.flatMap(old => change(subjectOf(old), old.sql, null)),
    ...made.flatMap(now => change(subjectOf(now), null, now.sql)),
  ]
}

const isNamed = (old: SchemaObject, now: SchemaObject): boolean =>
  old.type === now.type && old.name === now.name && (old.type === 'function' || old.table === now.table)

const subjectOf = ({ type, name, table }: SchemaObject): Pick<Change, 'kind' | 'name' | 'table'> => ({
  kind: type,
  name: type === 'trigger' || type === 'policy' ? `${table}.${name}` : name,
  table,
})

/** The text of an index without its name, which the server quotes only where it has to. */
export const nameless = ({ name, sql }: SchemaObject): string =>
  sql.replace(` INDEX ${quote(name)} ON`, ' INDEX ON').replace(` INDEX ${name} ON`, ' INDEX ON')
