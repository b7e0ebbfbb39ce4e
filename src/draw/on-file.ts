// This file is about SQLite.
import { describeActions, describeIndex } from '../sqlite/schema/compare.ts'
import type { Column, Schema, Table } from '../sqlite/schema/read.ts'
import type { Drawing, DrawnTable, Note } from './drawing.ts'

/** What is drawn of a file's schema. */
export const drawingOf = ({ tables, views, triggers }: Schema): Drawing => ({
  tables: tables.map(toTable),
  views,
  triggers,
})

const toTable = (table: Table): DrawnTable => ({
  name: table.name,
  text: table.virtual ? table.sql : null,
  columns: table.columns.map(column => ({
    ...{ name: column.name, type: column.type, affinity: column.affinity, notNull: column.notNull },
    ...{ default: column.default, key: column.key, computed: column.generated !== null, notes: notesOf(column) },
  })),
  foreignKeys: table.foreignKeys,
  uniques: table.indexes
    .filter(({ unique, where }) => unique && where === null)
    .map(({ parts }) => parts.map(({ of }) => of)),
  details: detailsOf(table),
})

const notesOf = ({ rowidAlias, generated, collation }: Column): readonly Note[] => [
  ...(rowidAlias ? ['numbered by SQLite'] : []),
  ...(generated === null ? [] : [{ before: `computed (${generated.kind}): `, code: generated.expression }]),
  ...(collation === 'BINARY' ? [] : [`collation ${collation}`]),
]

const detailsOf = (table: Table): readonly Note[] => [
  ...(table.autoincrement ? ['AUTOINCREMENT'] : []),
  ...(table.withoutRowid ? ['WITHOUT ROWID'] : []),
  ...(table.strict ? ['STRICT'] : []),
  ...table.foreignKeys.map(key => ({
    before: 'foreign key ',
    code: `(${key.columns.join(', ')})`,
    after: {
      before: ' to ',
      code: `${key.parent} (${key.parentColumns.join(', ')})`,
      after: `, ${describeActions(key)}`,
    },
  })),
  ...table.indexes.map(index =>
    index.name === null
      ? { before: 'unique ', code: describeIndex(index) }
      : { before: 'index ', code: index.name, after: { before: ' ', code: describeIndex(index) } },
  ),
  ...table.checks.map(check => ({ before: 'check ', code: check })),
  ...table.onConflict.map(code => ({ before: '', code })),
]
