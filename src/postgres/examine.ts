import { must } from '../failure.ts'
import { notOfExtension } from './catalog.ts'
import type { Connection } from './connect.ts'
import { inSchema } from './sql.ts'

/** A thing that is not as it should be, and what it is. */
type Found = Readonly<{ object: string; found: string }>

/** Indexes that a concurrent build left behind when it failed: they cost every write and serve no query. */
export const findInvalid = (connection: Connection): Promise<readonly Found[]> =>
  connection.rows<Found>(
    `SELECT 'index ' || i.relname AS object, pg_get_indexdef(i.oid) AS found
     FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid JOIN pg_namespace AS n ON n.oid = i.relnamespace
     WHERE n.nspname = $1 AND NOT (x.indisvalid AND x.indisready) ORDER BY i.relname COLLATE "C"`,
    [connection.address.schema],
  )

/** Constraints that were added NOT VALID and never checked against the rows that were there. */
export const findNotValid = (connection: Connection): Promise<readonly Found[]> =>
  connection.rows<Found>(
    `SELECT format('constraint %s.%s', c.relname, k.conname) AS object, pg_get_constraintdef(k.oid) AS found
     FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND NOT k.convalidated ORDER BY 1`,
    [connection.address.schema],
  )

/** Tables, views and sequences that this user may not alter. */
export const findNotOwned = (connection: Connection): Promise<readonly Found[]> =>
  connection.rows<Found>(
    `SELECT CASE c.relkind WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialized view ' WHEN 'S' THEN 'sequence ' ELSE 'table ' END
       || c.relname AS object, pg_get_userbyid(c.relowner) AS found
     FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'S') AND NOT pg_has_role(c.relowner, 'USAGE')
       AND ${notOfExtension('pg_class', 'c.oid')} ORDER BY 1`,
    [connection.address.schema],
  )

/** A place to recover a server to: all that was committed before it is in it. */
export type RestorePoint = Readonly<{ lsn: string; time: string }>

export const readRestorePoint = async (connection: Connection): Promise<RestorePoint> => {
  const [point] = await connection.rows<RestorePoint>(
    `SELECT pg_current_wal_lsn()::text AS lsn, to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS') AS time`,
  )
  return must(point)
}

/** The revisions that Alembic recorded; undefined if it made no table for them. */
export const readAlembic = async (connection: Connection): Promise<readonly string[] | undefined> => {
  const { schema } = connection.address
  const [there] = await connection.rows(
    `SELECT FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname = 'alembic_version' AND a.attname = 'version_num'`,
    [schema],
  )
  if (there === undefined) return undefined
  const rows = await connection.rows<{ revision: string }>(
    `SELECT version_num::text AS revision FROM ${inSchema(schema, 'alembic_version')} ORDER BY 1`,
  )
  return rows.map(({ revision }) => revision)
}
