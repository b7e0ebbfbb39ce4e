import type { Column } from './columns.ts'
import { differ, type Finding } from './finding.ts'
import { isSameSql } from './tokens.ts'

/** As compareStructures does, for the columns of one table. Their order is no difference. */
export const compareColumns = (
  table: string,
  expected: readonly Column[],
  found: readonly Column[],
  tolerable: Finding['weight'],
): readonly Finding[] => {
  const named = (columns: readonly Column[], name: string) => columns.filter(column => column.name === name)
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
  ...compareTypes(object, expected, found),
  ...differ(expected.notNull ? 'difference' : tolerable, object, 'NULL', nullability(expected), nullability(found)),
  ...compareDefaults(object, expected, found, tolerable),
  ...differ('difference', object, 'place in the primary key', placeInKey(expected), placeInKey(found)),
  ...(expected.key > 0 && found.key > 0 ? differ('difference', object, 'rowid', rowid(expected), rowid(found)) : []),
  ...compareGenerated(object, expected, found),
  ...differ('difference', object, 'collation', expected.collation, found.collation),
]

const compareTypes = (object: string, expected: Column, found: Column): readonly Finding[] =>
  expected.affinity === found.affinity
    ? differ('information', object, 'type name', typeName(expected), typeName(found))
    : differ('difference', object, 'affinity', affinity(expected), affinity(found))

const compareDefaults = (
  object: string,
  { default: expected }: Column,
  { default: found }: Column,
  tolerable: Finding['weight'],
): readonly Finding[] => {
  if (isSameSql(asString(expected), asString(found))) return []
  return differ(found === null ? tolerable : 'difference', object, 'default', expected, found)
}

/** In a default `"x"` is a string, also to an SQLite for which it is a name elsewhere. */
const asString = (fallback: string | null): string => (fallback ?? '').replace(/^"(.*)"$/s, "'$1'")

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

/** A column in a line: `TEXT NOT NULL DEFAULT 'unknown'`. */
export const describeColumn = (column: Column): string =>
  [
    typeName(column),
    column.key > 0 ? ' PRIMARY KEY' : '',
    column.notNull && !column.rowidAlias ? ' NOT NULL' : '',
    column.default === null ? '' : ` DEFAULT ${column.default}`,
    column.collation === 'BINARY' ? '' : ` COLLATE ${column.collation}`,
    column.generated === null ? '' : ` AS (${column.generated.expression}) ${column.generated.kind.toUpperCase()}`,
  ].join('')
