import type { Connection } from './open.ts'
import type { TableText } from './table-text.ts'

export type ForeignKey = Readonly<{
  columns: readonly string[]
  parent: string
  /** columns of the parent; where the text names none, its primary key */
  parentColumns: readonly string[]
  onUpdate: string
  onDelete: string
  /** checked at COMMIT, not at each statement */
  deferred: boolean
}>

type Row = { id: number; table: string; from: string; to: string | null; on_update: string; on_delete: string }

/** The foreign keys of a table, by their columns. */
export const readForeignKeys = (connection: Connection, table: string, text: TableText): readonly ForeignKey[] => {
  const rows = connection.prepare<[string], Row>('SELECT * FROM pragma_foreign_key_list(?) ORDER BY id, seq').all(table)
  const primaryKey = connection
    .prepare<[string], string>('SELECT name FROM pragma_table_xinfo(?) WHERE pk > 0 ORDER BY pk')
    .pluck()
  const keys = [...Map.groupBy(rows, ({ id }) => id).values()].flatMap(parts => {
    const columns = parts.map(({ from }) => from)
    const named = parts.flatMap(({ to }) => to ?? [])
    return parts.slice(0, 1).map(({ table: parent, on_update, on_delete }) => ({
      columns,
      parent,
      parentColumns: named.length > 0 ? named : primaryKey.all(parent),
      onUpdate: on_update,
      onDelete: on_delete,
      deferred: text.deferred.some(key => key.join() === columns.join()),
    }))
  })
  return keys.sort((a, b) => (a.columns.join() < b.columns.join() ? -1 : 1))
}
