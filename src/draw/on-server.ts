// This file is about PostgreSQL.
import type { ServerSchema, Table } from '../postgres/schema.ts'
import type { Drawing, DrawnTable } from './drawing.ts'

/** What is drawn of a server's schema. */
export const drawingOf = ({ tables, others }: ServerSchema): Drawing => ({
  tables: tables.map(table => toTable(table, others)),
  views: others.filter(({ type }) => type === 'view' || type === 'materialized view'),
  triggers: others.filter(({ type }) => type === 'trigger'),
})

const toTable = ({ name, columns, constraints }: Table, others: ServerSchema['others']): DrawnTable => {
  const key = constraints.find(({ kind }) => kind === 'p')?.columns ?? []
  return {
    name,
    text: null,
    columns: columns.map(column => ({
      name: column.name,
      type: column.type,
      affinity: null,
      notNull: column.required,
      default: column.generated === '' ? column.expression : null,
      key: key.indexOf(column.name) + 1,
      computed: column.generated !== '',
      notes: [
        ...(column.identity === '' ? [] : ['numbered by the server']),
        ...(column.generated === ''
          ? []
          : [
              {
                before: `computed (${column.generated === 's' ? 'stored' : 'virtual'}): `,
                code: String(column.expression),
              },
            ]),
        ...(column.collation === null ? [] : [`collation ${column.collation}`]),
      ],
    })),
    foreignKeys: constraints
      .filter(({ kind }) => kind === 'f')
      .map(({ columns, parent }) => ({ columns, parent: String(parent) })),
    uniques: constraints.filter(({ kind }) => kind === 'u').map(one => one.columns),
    details: [
      ...constraints.map(({ name, definition }) => ({ before: 'constraint ', code: `${name} ${definition}` })),
      ...others
        .filter(({ type, table }) => table === name && (type === 'index' || type === 'policy'))
        .map(({ type, sql }) => ({ before: `${type} `, code: sql.replaceAll(/\s+/g, ' ') })),
    ],
  }
}
