import { attemptAsync } from '../failure.ts'
import type { Connection } from './connect.ts'
import { sqlState } from './errors.ts'
import { type Constraint, readServerSchema, type ServerSchema, sortObjects } from './schema.ts'
import { inSchema, quote } from './sql.ts'

/** Constraints that an index serves, and those that look into another table. */
const isKey = ({ kind }: Constraint): boolean => kind !== 'c'

/**
 * Drops the indexes and keys of tables, and turns their triggers off, so that very many rows are written without them.
 * Partitioned tables keep theirs: those of their partitions come from them. So does a table whose keys something else needs.
 * @returns makes and turns on again what was dropped and turned off
 */
export const setKeysAside = async (
  connection: Connection,
  schema: ServerSchema,
  names: readonly string[],
): Promise<() => Promise<void>> => {
  const space = connection.address.schema
  const plain = schema.tables.filter(
    ({ name, end }) => names.includes(name) && !/ (?:PARTITION BY|INHERITS|FOR VALUES|DEFAULT)\b/.test(end),
  )
  const keys = plain.flatMap(({ constraints }) => constraints.filter(isKey))
  // keys that others refer to go last, and come first
  const ordered = [...keys.filter(({ kind }) => kind === 'f'), ...keys.filter(({ kind }) => kind !== 'f')]
  const indexes = schema.others.filter(
    ({ type, table }) => type === 'index' && plain.some(({ name }) => name === table),
  )
  const dropped = await orNothing(connection, [
    ...ordered.map(({ table, name }) => `ALTER TABLE ${inSchema(space, table)} DROP CONSTRAINT ${quote(name)}`),
    ...indexes.map(({ name }) => `DROP INDEX ${inSchema(space, name)}`),
  ])
  const triggers = await connection.rows<{ table: string; name: string }>(
    `SELECT c.relname AS table, t.tgname AS name FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
       JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname = ANY ($2) AND NOT t.tgisinternal AND t.tgenabled = 'O' AND t.tgparentid = 0`,
    [space, names],
  )
  const turn = async (how: 'DISABLE' | 'ENABLE'): Promise<void> => {
    for (const { table, name } of triggers)
      await connection.query(`ALTER TABLE ${inSchema(space, table)} ${how} TRIGGER ${quote(name)}`)
  }
  await turn('DISABLE')
  return async () => {
    if (dropped) {
      for (const { table, name, definition } of ordered.toReversed())
        await connection.query(`ALTER TABLE ${inSchema(space, table)} ADD CONSTRAINT ${quote(name)} ${definition}`)
      for (const { sql } of indexes) await connection.query(sql)
    }
    await turn('ENABLE')
    const now = await readServerSchema(connection)
    if (told(now) !== told(schema)) throw new Error('the schema is another one after its keys were made again')
  }
}

const told = ({ tables, others }: ServerSchema): string => JSON.stringify([tables, sortObjects(others)])

/** Runs all statements, or leaves all as it was: a view may need a key. @returns whether they ran */
const orNothing = async (connection: Connection, statements: readonly string[]): Promise<boolean> => {
  await connection.query('SAVEPOINT keys')
  const outcome = await attemptAsync(async () => {
    for (const sql of statements) await connection.query(sql)
  })
  if ('error' in outcome) {
    if (sqlState(outcome.error) !== '2BP01') throw outcome.error
    await connection.query('ROLLBACK TO SAVEPOINT keys')
  }
  await connection.query('RELEASE SAVEPOINT keys')
  return 'value' in outcome
}
