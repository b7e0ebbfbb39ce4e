// This room is about SQLite.

import { describeIndex } from '../sqlite/schema/compare.ts'
import { type Column, type Index, type Schema, type Table, tableNamed } from '../sqlite/schema/read.ts'
import { hasName, isSameSql, sameName } from '../sqlite/sql.ts'
import type { Models } from './models.ts'

/**
 * The schema that models ask for, with all that they cannot say taken from what is there: CHECK, ON CONFLICT, STRICT, WITHOUT ROWID,
 * computed columns, collations, views and triggers; a default that they lack, as they write every value themselves; and INTEGER or
 * NUMERIC, which only a CAST tells apart. An index counts whatever its name.
 */
export const withUnsaid = ({ schema, timed }: Models, present: Schema): Schema => ({
  tables: schema.tables.map(table => {
    const there = tableNamed(present, table.name)
    if (there === undefined) return table
    return there.virtual ? there : tableWithUnsaid(table, there, timed)
  }),
  views: present.views,
  triggers: present.triggers,
})

const tableWithUnsaid = (table: Table, there: Table, timed: readonly string[]): Table => ({
  ...table,
  name: there.name,
  checks: there.checks,
  onConflict: there.onConflict,
  strict: there.strict,
  withoutRowid: there.withoutRowid,
  columns: [
    ...table.columns.map(column => {
      const same = there.columns.find(({ name }) => sameName(name, column.name))
      return same === undefined
        ? column
        : columnWithUnsaid(column, same, column.key > 0 || hasName(timed, `${table.name}.${column.name}`))
    }),
    ...there.columns.filter(
      ({ name, generated }) => generated !== null && !table.columns.some(column => sameName(column.name, name)),
    ),
  ],
  foreignKeys: table.foreignKeys.map(key => {
    const same = there.foreignKeys.find(
      ({ columns, parent }) => sameName(columns.join(), key.columns.join()) && sameName(parent, key.parent),
    )
    return same === undefined ? key : { ...key, deferred: same.deferred }
  }),
  indexes: table.indexes.map(index => there.indexes.find(other => isSame(index, other, there)) ?? index),
})

const isSame = (asked: Index, index: Index, there: Table): boolean => {
  const parts = asked.parts.map(part => {
    const column = there.columns.find(({ name }) => sameName(name, part.of))
    return part.collation === 'BINARY' && column !== undefined ? { ...part, collation: column.collation } : part
  })
  return isSameSql(describeIndex({ ...asked, parts }), describeIndex(index))
}

/** @param isNullOpen whether Sequelize decides alone that it is NOT NULL */
const columnWithUnsaid = (column: Column, same: Column, isNullOpen: boolean): Column => {
  if (same.generated !== null) return same
  const areAlike = [column, same].every(({ affinity }) => /^(?:INTEGER|NUMERIC)$/.test(affinity))
  // a time is a text, which a column of NUMERIC affinity keeps: version 6 declares DATETIME, version 7 TEXT
  const areTimes = column.affinity === 'TEXT' && /^(?:DATE|DATETIME|TIMESTAMP)$/i.test(same.type)
  const type =
    areAlike || areTimes || column.affinity === same.affinity ? { type: same.type, affinity: same.affinity } : {}
  return {
    ...column,
    ...type,
    default: column.default ?? same.default,
    collation: column.collation === 'BINARY' ? same.collation : column.collation,
    notNull: isNullOpen ? same.notNull : column.notNull,
  }
}
