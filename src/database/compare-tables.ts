import { compareColumns } from './compare-columns.ts'
import { compareIndexes } from './compare-indexes.ts'
import { differ, type Finding } from './finding.ts'
import type { ForeignKey } from './foreign-keys.ts'
import type { Table } from './structure.ts'
import { isSameSql, textOf, tokensOf } from './tokens.ts'

/** As compareStructures does, for two tables of one name. */
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
    ...compareClauses(object, 'CHECK', expected.checks, found.checks),
    ...compareClauses(object, 'ON CONFLICT', expected.onConflict, found.onConflict),
    ...compareForeignKeys(name, expected.foreignKeys, found.foreignKeys, tolerable),
    ...compareIndexes(name, expected.indexes, found.indexes),
  ]
}

/** A text of SQL without its line breaks and comments. */
export const inOneLine = (sql: string): string => textOf(tokensOf(sql))

const compareClauses = (
  object: string,
  what: string,
  expected: readonly string[],
  found: readonly string[],
): readonly Finding[] => {
  const without = (texts: readonly string[], others: readonly string[]) =>
    texts.filter(text => !others.some(other => isSameSql(text, other)))
  return [
    ...without(expected, found).flatMap(text => differ('difference', object, what, text, null)),
    ...without(found, expected).flatMap(text => differ('difference', object, what, null, text)),
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
  const isSame = (a: ForeignKey, b: ForeignKey): boolean => nameOf(a).toLowerCase() === nameOf(b).toLowerCase()
  return [
    ...expected.flatMap(key => {
      const present = found.find(other => isSame(key, other))
      if (present === undefined) return differ('difference', nameOf(key), 'missing', describeActions(key), null)
      return [
        ...differ(tolerable, nameOf(key), 'ON DELETE', key.onDelete, present.onDelete),
        ...differ(tolerable, nameOf(key), 'ON UPDATE', key.onUpdate, present.onUpdate),
        ...differ(tolerable, nameOf(key), 'checked at', checkedAt(key), checkedAt(present)),
      ]
    }),
    ...found
      .filter(key => !expected.some(other => isSame(key, other)))
      .flatMap(key => differ('difference', nameOf(key), 'extra', null, describeActions(key))),
  ]
}

/** What happens to the rows of a parent that goes or changes, and when that is looked at. */
export const describeActions = (key: ForeignKey): string =>
  `ON DELETE ${key.onDelete}, ON UPDATE ${key.onUpdate}, checked at ${checkedAt(key)}`

const checkedAt = ({ deferred }: ForeignKey): string => (deferred ? 'COMMIT' : 'each statement')
