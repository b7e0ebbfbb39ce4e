import type { Connection } from './connect.ts'
import { inSchema } from './sql.ts'

/** A column whose values a sequence gives. */
export type Numbering = Readonly<{
  table: string
  column: string
  sequence: string
  most: bigint
  /** the last number that was given; undefined if none was */
  last: bigint | undefined
}>

type SequenceRow = Readonly<{ table: string; column: string; sequence: string; most: string }>

/** The columns of the schema that are numbered: those of an identity, and serial ones. */
export const readNumbering = async (connection: Connection): Promise<readonly Numbering[]> => {
  const { schema } = connection.address
  const found = await connection.rows<SequenceRow>(
    `SELECT t.relname AS table, a.attname AS column, s.relname AS sequence, q.seqmax::text AS most
     FROM pg_class AS s JOIN pg_sequence AS q ON q.seqrelid = s.oid
       JOIN pg_depend AS d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.deptype IN ('a', 'i')
         AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
       JOIN pg_class AS t ON t.oid = d.refobjid JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
       JOIN pg_namespace AS n ON n.oid = t.relnamespace
     WHERE n.nspname = $1 ORDER BY t.relname COLLATE "C", a.attnum`,
    [schema],
  )
  const numbered: Numbering[] = []
  for (const { most, ...row } of found) {
    const [state] = await connection.rows<{ last: string; called: boolean }>(
      `SELECT last_value::text AS last, is_called AS called FROM ${inSchema(schema, row.sequence)}`,
    )
    numbered.push({ ...row, most: BigInt(most), last: state?.called ? BigInt(state.last) : undefined })
  }
  return numbered
}

/** Lets a column be numbered from the next one on; from the first if none was given. */
export const setLast = async (connection: Connection, sequence: string, last: bigint | undefined): Promise<void> => {
  const name = inSchema(connection.address.schema, sequence)
  await connection.query('SELECT setval($1::regclass, $2::int8, $3)', [name, String(last ?? 1n), last !== undefined])
}
