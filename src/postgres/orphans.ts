import type { Changes } from '../engine.ts'
import { must } from '../failure.ts'
import type { Connection } from './connect.ts'
import { quote } from './names.ts'
import { namesOf } from './schema.ts'

type Key = Readonly<{
  id: number
  child: string
  parent: string
  table: string
  parentTable: string
  columns: string[]
  references: string[]
}>

/** The foreign keys of the schema that the server did not check against the rows that were there: NOT VALID. */
const readUnchecked = ({ rows, address }: Connection): Promise<readonly Key[]> =>
  rows<Key>(
    `SELECT k.oid::int8 AS id, k.conrelid::regclass::text AS child, k.confrelid::regclass::text AS parent,
       c.relname AS table, p.relname AS "parentTable",
       ${namesOf('k.conrelid', 'k.conkey')} AS columns, ${namesOf('k.confrelid', 'k.confkey')} AS "references"
     FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid JOIN pg_class AS p ON p.oid = k.confrelid
     WHERE k.contype = 'f' AND NOT k.convalidated AND k.connamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1)
     ORDER BY c.relname, k.conname`,
    [address.schema],
  )

/**
 * Rows without a parent of foreign keys that are new since the last call and NOT VALID. Of all others the server sees to it; what would
 * have it look away is refused (refusalOf).
 */
export const watchOrphans = async (connection: Connection): Promise<() => Promise<Changes['orphans']>> => {
  let known = new Set((await readUnchecked(connection)).map(({ id }) => id))
  return async () => {
    const keys = await readUnchecked(connection)
    const orphans: Changes['orphans'][number][] = []
    for (const { child, parent, table, parentTable, columns, references } of keys.filter(({ id }) => !known.has(id))) {
      const isIt = columns.map((name, index) => `p.${quote(must(references[index]))} = c.${quote(name)}`)
      const [found] = await connection.rows<{ rows: number }>(
        `SELECT count(*) AS rows FROM ${child} AS c WHERE ${columns.map(name => `c.${quote(name)} IS NOT NULL`).join(' AND ')}
           AND NOT EXISTS (SELECT FROM ${parent} AS p WHERE ${isIt.join(' AND ')})`,
      )
      const { rows } = must(found)
      if (rows > 0) orphans.push({ table, parent: parentTable, rows })
    }
    known = new Set(keys.map(({ id }) => id))
    return orphans
  }
}
