import { historyTable, noHistory } from '../history.ts'
import type { Connection, Source } from './connect.ts'

/** SQL that leaves out what an extension made: `oid` is a column of a catalog called `catalog`. */
export const notOfExtension = (catalog: string, oid: string): string =>
  `NOT EXISTS (SELECT FROM pg_depend AS e WHERE e.classid = '${catalog}'::regclass AND e.objid = ${oid} AND e.deptype = 'e')`

/** The tables of the schema, partitions too, by name. */
export const readTableNames = async (connection: Connection): Promise<readonly string[]> => {
  const tables = await connection.rows<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND ${notOfExtension('pg_class', 'c.oid')}
     ORDER BY c.relname COLLATE "C"`,
    [connection.address.schema],
  )
  return tables.map(({ name }) => name)
}

/** Whether tables, views, sequences, types or functions are in the schema. */
export const hasObjects = async (connection: Connection): Promise<boolean> => {
  const [found] = await connection.rows<{ some: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_class AS c WHERE c.relnamespace = n.oid AND ${notOfExtension('pg_class', 'c.oid')})
       OR EXISTS (SELECT FROM pg_proc AS p WHERE p.pronamespace = n.oid AND ${notOfExtension('pg_proc', 'p.oid')})
       OR EXISTS (SELECT FROM pg_type AS t WHERE t.typnamespace = n.oid AND ${notOfExtension('pg_type', 't.oid')}) AS some
     FROM pg_namespace AS n WHERE n.nspname = $1`,
    [connection.address.schema],
  )
  return found?.some ?? false
}

type HistoryColumn = Readonly<{ kind: string; name: string | null; required: boolean }>

/**
 * The columns of the history; empty if there is none. Asks pg_class in a statement: to_regclass may answer from what the session
 * knew before it got the lock.
 * @throws Failure HISTORY_CONFLICT for a view, and for a table without a column "name"
 */
export const historyColumns = async (
  connection: Source,
): Promise<readonly Readonly<{ name: string; required: boolean }>[]> => {
  const { schema, shown } = connection.address
  const found = await connection.rows<HistoryColumn>(
    `SELECT c.relkind AS kind, a.attname AS name, a.attnotnull AND NOT a.atthasdef AS required
     FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
       LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE n.nspname = $1 AND c.relname = $2 ORDER BY a.attnum`,
    [schema, historyTable],
  )
  if (found.some(({ kind }) => kind !== 'r')) throw noHistory(shown, 'is not a table')
  if (found.length > 0 && !found.some(({ name }) => name === 'name')) throw noHistory(shown, 'has no column "name"')
  return found.map(({ name, required }) => ({ name: String(name), required }))
}
