import type { Connection } from './connect.ts'

/** A lock of a table that this session holds: https://www.postgresql.org/docs/current/explicit-locking.html */
export type TableLock = Readonly<{ oid: number; table: string; mode: string }>

/** The locks of tables that the open transaction holds, but for those of reading. */
export const readLocks = (connection: Connection): Promise<readonly TableLock[]> =>
  connection.rows<TableLock>(
    `SELECT c.oid::int8 AS oid, c.relname AS table, l.mode
     FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.granted AND l.mode <> 'AccessShareLock'
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND n.nspname = $1 AND c.relkind IN ('r', 'p') ORDER BY c.relname COLLATE "C", l.mode`,
    [connection.address.schema],
  )

/** The file that each table's rows are in, by oid: a statement that writes a table anew gives it another one. */
export const readFiles = async (connection: Connection): Promise<ReadonlyMap<number, number>> => {
  const tables = await connection.rows<{ oid: number; file: number }>(
    `SELECT c.oid::int8 AS oid, pg_relation_filenode(c.oid)::int8 AS file
     FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'r'`,
    [connection.address.schema],
  )
  return new Map(tables.map(({ oid, file }) => [oid, file]))
}

/** Bytes of each table with its indexes, by name. */
export const readSizes = async (connection: Connection): Promise<ReadonlyMap<string, number>> => {
  const tables = await connection.rows<{ name: string; bytes: number }>(
    `SELECT c.relname AS name, pg_total_relation_size(c.oid) AS bytes
     FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'r'`,
    [connection.address.schema],
  )
  return new Map(tables.map(({ name, bytes }) => [name, bytes]))
}
