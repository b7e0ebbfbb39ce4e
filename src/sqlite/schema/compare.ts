import { hasName, isSameSql, quote, sameName, textOf, tokensOf, unquote } from '../sql.ts'
import {
  type Affinity,
  type Column,
  type ForeignKey,
  type Index,
  type Schema,
  type Table,
  type Trigger,
  tableNamed,
  type View,
} from './read.ts'

/**
 * All differences of a schema from the expected one. A pure function.
 *
 * In a database that another tool made (`adopted`) these are tolerated, because models and migrations work the same with them:
 * - a stricter NOT NULL: a violation is refused with an error, and rows read the same;
 * - a missing default: the models write their defaults themselves;
 * - other foreign key actions, or a check at COMMIT: it still admits no row without a parent. Whether the other action matters
 *   is for the person who reads the list to decide;
 * - AUTOINCREMENT: without it SQLite may reuse the id of the last row after a delete, and nothing stores deleted ids;
 * - INTEGER in place of NUMERIC affinity, as TINYINT(1) for BOOLEAN, and the other way round: only a CAST tells them apart;
 * - TEXT for a column of times, where a tool has no type for them: a time that is written as text is stored the same;
 * - the same index under another name, or as a UNIQUE of the table: only a migration that drops it would have to know;
 * - CHECK (x IN (0, 1)), by which other tools keep a boolean, and CHECK (x IN ('a', 'b')), by which they keep an enum, if it
 *   admits the expected default: a violation is refused with an error, and rows read the same.
 *
 * Never tolerated: a looser NOT NULL, another or an additional default, any other affinity, key, collation, expression or CHECK,
 * which change how rows are stored, found or refused; additional columns, UNIQUE and foreign keys, which refuse rows and break
 * migrations; triggers on expected tables and views, which change what a write does; and expected views that cannot be read, no
 * matter why.
 *
 * Information only: other type names (SQLite uses the affinity); additional tables, views and plain indexes, and the triggers of
 * additional tables. Ignored: the order of columns, letter case, and quotes in expressions.
 */
export const compareSchemas = (
  expected: Schema,
  found: Schema,
  { adopted }: Readonly<{ adopted: boolean }>,
): readonly Finding[] => {
  const tolerable = adopted ? 'tolerated' : 'difference'
  const names = [...expected.tables, ...expected.views].map(({ name }) => name)
  const isExpected = (table: string) => hasName(names, table)
  return [
    ...expected.tables.flatMap(table => {
      const present = tableNamed(found, table.name)
      if (present !== undefined) return compareTables(table, present, tolerable)
      return differ('difference', `table ${table.name}`, 'missing', columnsOf(table), null)
    }),
    ...found.tables
      .filter(({ name }) => !isExpected(name))
      .flatMap(table => differ('information', `table ${table.name}`, 'extra', null, columnsOf(table))),
    ...compareTexts('view', expected.views, found.views, () => 'information'),
    ...found.views.flatMap(({ name, error }) => {
      const isOurs = expected.views.some(view => sameName(view.name, name))
      return differ(isOurs ? 'difference' : 'information', `view ${name}`, 'cannot be read', null, error)
    }),
    ...compareTexts('trigger', expected.triggers, found.triggers, ({ table }) =>
      isExpected(table) ? 'difference' : 'information',
    ),
  ]
}

const columnsOf = ({ columns, virtual }: Schema['tables'][number]): string =>
  virtual ? 'virtual' : columns.map(({ name }) => name).join(', ')

/** Compares objects that their text fully defines. */
const compareTexts = <T extends View | Trigger>(
  kind: string,
  expected: readonly T[],
  found: readonly T[],
  weightOfExtra: (extra: T) => Finding['weight'],
): readonly Finding[] => [
  ...expected.flatMap(({ name, sql }) => {
    const object = `${kind} ${name}`
    const present = found.find(other => sameName(other.name, name))
    if (present === undefined) return differ('difference', object, 'missing', inOneLine(sql), null)
    if (isSameSql(sql, present.sql)) return []
    return differ('difference', object, 'definition', inOneLine(sql), inOneLine(present.sql))
  }),
  ...found
    .filter(({ name }) => !expected.some(other => sameName(other.name, name)))
    .flatMap(extra => differ(weightOfExtra(extra), `${kind} ${extra.name}`, 'extra', null, inOneLine(extra.sql))),
]

/** `compareSchemas` for two tables of one name. @param tolerable the weight of a difference that may be tolerated */
export const compareTables = (expected: Table, found: Table, tolerable: Finding['weight']): readonly Finding[] => {
  const { name } = expected
  const object = `table ${name}`
  if (expected.virtual || found.virtual) {
    if (isSameSql(expected.sql, found.sql)) return []
    return differ('difference', object, 'definition', inOneLine(expected.sql), inOneLine(found.sql))
  }
  const yes = (flag: boolean): string => (flag ? 'yes' : 'no')
  return [
    ...differ('difference', object, 'WITHOUT ROWID', yes(expected.withoutRowid), yes(found.withoutRowid)),
    ...differ('difference', object, 'STRICT', yes(expected.strict), yes(found.strict)),
    ...differ(tolerable, object, 'AUTOINCREMENT', yes(expected.autoincrement), yes(found.autoincrement)),
    ...compareColumns(name, expected.columns, found.columns, tolerable),
    ...compareClauses(object, 'CHECK', expected.checks, found.checks, text =>
      isCheckOfType(text, expected.columns) ? tolerable : 'difference',
    ),
    ...compareClauses(object, 'ON CONFLICT', expected.onConflict, found.onConflict, () => 'difference'),
    ...compareForeignKeys(name, expected.foreignKeys, found.foreignKeys, tolerable),
    ...compareIndexes(name, expected.indexes, found.indexes, tolerable),
  ]
}

/** Whether a CHECK only says that a column holds a boolean, or one of the strings of an enum that has its default. */
const isCheckOfType = (text: string, columns: readonly Column[]): boolean => {
  const [name, keyword, ...list] = tokensOf(text)
  const column = columns.find(other => name !== undefined && sameName(other.name, unquote(name.text)))
  if (column === undefined || keyword === undefined) return false
  if (isSameSql(text, `${quote(column.name)} IN (0, 1)`)) return true
  const values = list.filter(({ kind }) => kind === 'string').map(value => value.text)
  const isList = isSameSql(text, `${quote(column.name)} IN (${values.join(', ')})`)
  return isList && values.length > 0 && (column.default === null || values.includes(asString(column.default)))
}

/** An SQL text without line breaks and comments. */
export const inOneLine = (sql: string): string => textOf(tokensOf(sql))

const compareClauses = (
  object: string,
  what: string,
  expected: readonly string[],
  found: readonly string[],
  weightOfExtra: (text: string) => Finding['weight'],
): readonly Finding[] => {
  const without = (texts: readonly string[], others: readonly string[]) =>
    texts.filter(text => !others.some(other => isSameSql(text, other)))
  return [
    ...without(expected, found).flatMap(text => differ('difference', object, what, text, null)),
    ...without(found, expected).flatMap(text => differ(weightOfExtra(text), object, what, null, text)),
  ]
}

const compareForeignKeys = (
  table: string,
  expected: readonly ForeignKey[],
  found: readonly ForeignKey[],
  tolerable: Finding['weight'],
): readonly Finding[] => {
  const nameOf = ({ columns, parent, parentColumns }: ForeignKey): string =>
    `foreign key ${table} (${columns.join(', ')}) to ${parent} (${parentColumns.join(', ')})`
  const isNamed = (a: ForeignKey, b: ForeignKey): boolean => sameName(nameOf(a), nameOf(b))
  // a table may have several with the same columns and parent, which differ only in their actions
  const isSame = (a: ForeignKey, b: ForeignKey): boolean => isNamed(a, b) && describeActions(a) === describeActions(b)
  const { pairs, missing, extra } = pairUp(expected, found, isSame, isNamed)
  return [
    ...missing.flatMap(key => differ('difference', nameOf(key), 'missing', describeActions(key), null)),
    ...pairs.flatMap(([key, present]) => [
      ...differ(tolerable, nameOf(key), 'ON DELETE', key.onDelete, present.onDelete),
      ...differ(tolerable, nameOf(key), 'ON UPDATE', key.onUpdate, present.onUpdate),
      ...differ(tolerable, nameOf(key), 'checked at', checkedAt(key), checkedAt(present)),
    ]),
    ...extra.flatMap(key => differ('difference', nameOf(key), 'extra', null, describeActions(key))),
  ]
}

/** The actions of a foreign key and when it is checked, as text. */
export const describeActions = (key: ForeignKey): string =>
  `ON DELETE ${key.onDelete}, ON UPDATE ${key.onUpdate}, checked at ${checkedAt(key)}`

const checkedAt = ({ deferred }: ForeignKey): string => (deferred ? 'COMMIT' : 'each statement')

/** `compareSchemas` for the columns of one table. Ignores their order. */
const compareColumns = (
  table: string,
  expected: readonly Column[],
  found: readonly Column[],
  tolerable: Finding['weight'],
): readonly Finding[] => {
  const named = (columns: readonly Column[], name: string) => columns.filter(column => sameName(column.name, name))
  return [
    ...expected.flatMap(column => {
      const object = `column ${table}.${column.name}`
      const [present] = named(found, column.name)
      if (present === undefined) return differ('difference', object, 'missing', describeColumn(column), null)
      return compareColumn(object, column, present, tolerable)
    }),
    ...found
      .filter(({ name }) => named(expected, name).length === 0)
      .flatMap(column => differ('difference', `column ${table}.${column.name}`, 'extra', null, describeColumn(column))),
  ]
}

const compareColumn = (
  object: string,
  expected: Column,
  found: Column,
  tolerable: Finding['weight'],
): readonly Finding[] => [
  ...compareTypes(object, expected, found, tolerable),
  ...differ(expected.notNull ? 'difference' : tolerable, object, 'NULL', nullability(expected), nullability(found)),
  ...compareDefaults(object, expected, found, tolerable),
  ...differ('difference', object, 'place in the primary key', placeInKey(expected), placeInKey(found)),
  ...(expected.key > 0 && found.key > 0 ? differ('difference', object, 'rowid', rowid(expected), rowid(found)) : []),
  ...compareGenerated(object, expected, found),
  ...differ('difference', object, 'collation', expected.collation, found.collation),
]

const compareTypes = (
  object: string,
  expected: Column,
  found: Column,
  tolerable: Finding['weight'],
): readonly Finding[] => {
  if (expected.affinity === found.affinity)
    return differ('information', object, 'type name', typeName(expected), typeName(found))
  // https://www.sqlite.org/datatype3.html#type_affinity
  const areAlike = [expected, found].every(column => /^(?:INTEGER|NUMERIC)$/.test(column.affinity))
  const isTimeInText = /^(?:DATE|TIME)/i.test(expected.type) && found.affinity === 'TEXT'
  const weight = areAlike || isTimeInText ? tolerable : 'difference'
  return differ(weight, object, 'affinity', affinity(expected), affinity(found))
}

const compareDefaults = (
  object: string,
  { default: expected, affinity }: Column,
  { default: found }: Column,
  tolerable: Finding['weight'],
): readonly Finding[] => {
  if (isSameDefault(expected, found, affinity)) return []
  return differ(found === null ? tolerable : 'difference', object, 'default', expected, found)
}

/** Whether a column would store the same value by two defaults; no default is the same as NULL. */
export const isSameDefault = (a: string | null, b: string | null, affinity: Affinity): boolean =>
  isSameSql(stored(a, affinity), stored(b, affinity))

/** `"x"` in a default is a string, even in an SQLite that treats it as a name elsewhere. */
const asString = (fallback: string | null): string => (fallback ?? 'NULL').replace(/^"(.*)"$/s, "'$1'")

/** https://www.sqlite.org/datatype3.html#type_affinity */
const number = /^\s*[+-]?\s*(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i

/** A constant default as the column would store it: 22 and '22' are the same in an INTEGER, 1 and true everywhere. */
const stored = (fallback: string | null, affinity: Affinity): string => {
  const value = asString(fallback)
    .replace(/^true$/i, '1')
    .replace(/^false$/i, '0')
  const text = /^'[^']*'$/.test(value) ? value.slice(1, -1) : value
  if (!number.test(text) || affinity === 'BLOB') return value
  const small = Number(text.replaceAll(/\s/g, ''))
  if (affinity === 'TEXT') return text === value && Number.isInteger(small) ? `'${small}'` : value
  // beyond 2^53 two different numbers may round to one
  return Number.isInteger(small) && !Number.isSafeInteger(small) ? text : String(small)
}

const compareGenerated = (object: string, expected: Column, found: Column): readonly Finding[] =>
  isSameSql(generation(expected) ?? '', generation(found) ?? '')
    ? []
    : differ('difference', object, 'computed', generation(expected), generation(found))

const typeName = ({ type }: Column): string => (type === '' ? 'no type' : type.toUpperCase())
const affinity = (column: Column): string => `${column.affinity} (${typeName(column)})`
const nullability = ({ notNull }: Column): string => (notNull ? 'NOT NULL' : 'NULL')
const placeInKey = ({ key }: Column): string | null => (key === 0 ? null : String(key))
const rowid = ({ rowidAlias }: Column): string => (rowidAlias ? 'numbered by SQLite' : 'a key of its own')
const generation = ({ generated }: Column): string | null =>
  generated === null ? null : `${generated.kind} ${generated.expression}`

/** A column's definition in one line: `TEXT NOT NULL DEFAULT 'unknown'`. */
export const describeColumn = (column: Column): string =>
  [
    typeName(column),
    column.key > 0 ? ' PRIMARY KEY' : '',
    column.notNull && !column.rowidAlias ? ' NOT NULL' : '',
    column.default === null ? '' : ` DEFAULT ${column.default}`,
    column.collation === 'BINARY' ? '' : ` COLLATE ${column.collation}`,
    column.generated === null ? '' : ` AS (${column.generated.expression}) ${column.generated.kind.toUpperCase()}`,
  ].join('')

/**
 * `compareSchemas` for the indexes of one table. A named index should exist under its name, because a later migration may drop it;
 * a UNIQUE inside CREATE TABLE has no name, so any identical unique index will do.
 */
const compareIndexes = (
  table: string,
  expected: readonly Index[],
  found: readonly Index[],
  tolerable: Finding['weight'],
): readonly Finding[] => [
  ...expected.flatMap(index => {
    const present = found.find(other => isIt(table, index, other))
    const alike = found.find(other => isSame(index, other))
    if (present === undefined && alike !== undefined && tolerable !== 'difference')
      return differ(tolerable, nameOf(table, index), 'name', index.name, alike.name ?? 'UNIQUE of the table')
    if (present === undefined) return differ('difference', nameOf(table, index), 'missing', describeIndex(index), null)
    if (isSame(index, present)) return []
    return differ('difference', nameOf(table, index), 'definition', describeIndex(index), describeIndex(present))
  }),
  ...found
    .filter(
      index =>
        !expected.some(
          other => isIt(table, other, index) || ((index.unique || tolerable !== 'difference') && isSame(index, other)),
        ),
    )
    .flatMap(index => {
      // a unique index refuses rows that would be accepted without it
      const weight = index.unique ? 'difference' : 'information'
      return differ(weight, nameOf(table, index), 'extra', null, describeIndex(index))
    }),
]

/** The default names of a unique index from addConstraint: Sequelize's, and the former one of this program. */
export const defaultUniqueNames = (table: string, columns: readonly string[]): readonly [now: string, once: string] => {
  const name = [table, ...columns].join('_')
  return [`${name}_uk`, `${name}_unique`]
}

const isIt = (table: string, expected: Index, found: Index): boolean => {
  if (expected.name === null) return isSame(expected, found)
  if (found.name === null) return false
  if (sameName(expected.name, found.name)) return true
  const [now, once] = defaultUniqueNames(
    table,
    expected.parts.map(({ of }) => of),
  )
  return sameName(expected.name, now) && sameName(found.name, once) && isSame(expected, found)
}

const isSame = (a: Index, b: Index): boolean => isSameSql(describeIndex(a), describeIndex(b))

const nameOf = (table: string, { name, parts }: Index): string =>
  name === null ? `unique ${table} (${parts.map(({ of }) => of).join(', ')})` : `index ${name} on ${table}`

/** An index in one line, without its name: `UNIQUE (server_id, timestamp DESC) WHERE cpu_percent > 90`. */
export const describeIndex = ({ unique, parts, where }: Pick<Index, 'unique' | 'parts' | 'where'>): string => {
  const columns = parts.map(({ of, collation, descending }) =>
    [of, collation === 'BINARY' ? '' : ` COLLATE ${collation}`, descending ? ' DESC' : ''].join(''),
  )
  return `${unique ? 'UNIQUE ' : ''}(${columns.join(', ')})${where === null ? '' : ` WHERE ${where}`}`
}

/** One difference of a database from what is expected. */
export type Finding = Readonly<{
  weight: 'difference' | 'tolerated' | 'information'
  /** the object that differs: `column metrics.id` */
  object: string
  /** the property that differs, or `missing` or `extra` */
  what: string
  /** null if there should be nothing */
  expected: string | null
  /** null if there is nothing */
  found: string | null
}>

/** One finding if the two texts differ; otherwise an empty list. */
export const differ = (
  weight: Finding['weight'],
  object: string,
  what: string,
  expected: string | null,
  found: string | null,
): readonly Finding[] => (expected === found ? [] : [{ weight, object, what, expected, found }])

/** Pairs expected with found things: first all that match by the first measure, then the rest by the next. */
export const pairUp = <T>(
  expected: readonly T[],
  found: readonly T[],
  ...measures: readonly ((expected: T, found: T) => boolean)[]
): Readonly<{ pairs: readonly (readonly [T, T])[]; missing: readonly T[]; extra: readonly T[] }> => {
  const pairs: (readonly [T, T])[] = []
  const missing = [...expected]
  const extra = [...found]
  for (const isAlike of measures) {
    for (const thing of [...missing]) {
      const index = extra.findIndex(other => isAlike(thing, other))
      for (const other of index === -1 ? [] : extra.splice(index, 1)) {
        missing.splice(missing.indexOf(thing), 1)
        pairs.push([thing, other])
      }
    }
  }
  return { pairs, missing, extra }
}
