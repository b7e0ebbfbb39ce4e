import { type Affinity, affinityOf } from './affinity.ts'
import type { Connection } from './open.ts'
import type { TableText } from './table-text.ts'

export type Column = Readonly<{
  name: string
  /** as declared; empty where it has none */
  type: string
  affinity: Affinity
  /** it is never NULL: declared so, or another name of the rowid */
  notNull: boolean
  /** the SQL of its default; null where it has none */
  default: string | null
  /** its place in the primary key, from 1; 0 where it is not in it */
  key: number
  /** INTEGER PRIMARY KEY: another name of the rowid, so that SQLite numbers the rows */
  rowidAlias: boolean
  generated: Readonly<{ kind: 'virtual' | 'stored'; expression: string }> | null
  collation: string
}>

type Row = { name: string; type: string; notnull: number; dflt_value: string | null; pk: number; hidden: number }

/**
 * The columns of a table in their order.
 * @param hasKeyIndex whether the primary key has an index of its own: only one that is the rowid has none
 */
export const readColumns = (
  connection: Connection,
  table: string,
  text: TableText,
  hasKeyIndex: boolean,
): readonly Column[] =>
  connection
    .prepare<[string], Row>('SELECT * FROM pragma_table_xinfo(?)')
    .all(table)
    .map(({ name, type, notnull, dflt_value, pk, hidden }) => {
      const written = text.columns.find(column => column.name === name)
      const { collation, expression } = { collation: 'BINARY', expression: null, ...written }
      const rowidAlias = pk > 0 && !hasKeyIndex
      return {
        name,
        type,
        affinity: affinityOf(type),
        notNull: notnull === 1 || rowidAlias,
        // DEFAULT NULL is what a column has that says nothing
        default: dflt_value?.toUpperCase() === 'NULL' ? null : dflt_value,
        key: pk,
        rowidAlias,
        generated: expression === null ? null : { kind: hidden === 3 ? 'stored' : 'virtual', expression },
        collation,
      }
    })
