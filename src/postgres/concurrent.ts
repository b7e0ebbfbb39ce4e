import { setTimeout } from 'node:timers/promises'
import type { QueryInterface, TableName } from 'sequelize'
import { noResult, type SchemaEditor, type StatementHook } from '../engine.ts'
import { attemptAsync, Failure, must } from '../failure.ts'
import type { Connection } from './connect.ts'
import { makeSafe } from './editor.ts'
import { sqlState } from './errors.ts'
import { createHandle } from './handle.ts'
import { connectHandle } from './sequelize.ts'
import { detailsOf, withQuery } from './sequelize-internals.ts'
import { fold, inSchema, quote, tokensOf } from './sql.ts'

/** What building beside other sessions needs. */
type Means = Readonly<{
  /** in the transaction that has the lock; it waits meanwhile */
  holder: Connection
  /** outside of any transaction */
  builder: Connection
  /** wraps each step */
  hook: StatementHook
  /** seconds to wait for another session that builds the same index */
  timeout: number
  signal: AbortSignal
  /** called when that wait starts */
  onWait: (index: string) => void
}>

type Wanted = Readonly<{ name: string; schema: string; table: string; sql: string; definition: () => Promise<string> }>

/** An index of that name, or what else has it: `valid` if it can be used, and is not about to be dropped. */
type Present =
  | Readonly<{ table: string; valid: boolean; definition: string }>
  | Readonly<{ table: null; valid: false; definition: null }>

/** Bytes of a name; a server cuts off longer ones. */
const longestName = 63

/** Milliseconds between two looks at another session. */
const pause = 500

/**
 * The `context` of an online migration: its two calls build and drop an index while others write. Each is idempotent, and does
 * again what a killed run has left half done: an index that such a build left is invalid, and `IF NOT EXISTS` would accept it.
 */
export const onlineEditor = (means: Means): SchemaEditor => {
  const { holder, builder, hook } = means
  const schema = makeSafe(builder, connectHandle(builder, createHandle(builder), hook).getQueryInterface(), undefined)
  const step = async (sql: string, work: () => Promise<void>): Promise<void> => {
    await hook({ sql, bound: [] }, async () => {
      await dropSnapshot(holder)
      await work()
      return { ...noResult, sql }
    })
  }
  return Object.assign(schema, {
    addIndexConcurrently: async (...given: Parameters<QueryInterface['addIndex']>) => {
      const wanted = await wantedBy(schema, builder, given)
      await step(wanted.sql, () => addIndex(means, wanted))
    },
    removeIndexConcurrently: async (table: TableName, index: string | string[], options?: object) => {
      const details = detailsOf(schema, table, options)
      const name = typeof index === 'string' ? index : `${details.tableName}_${index.join('_')}`
      const sql = `DROP INDEX CONCURRENTLY IF EXISTS ${inSchema(details.schema, name)}`
      await step(sql, () => removeIndex(means, details.schema, details.tableName, name))
    },
  })
}

/** A statement that has rows keeps its snapshot until the next one, and a build waits for every older snapshot. */
const dropSnapshot = async (holder: Connection): Promise<void> => {
  await holder.query('SAVEPOINT migrator_online')
  await holder.query('RELEASE migrator_online')
}

/** What a call of addIndexConcurrently asks for, by the text that Sequelize makes of it. */
const wantedBy = async (
  schema: QueryInterface,
  builder: Connection,
  [table, second, third]: Parameters<QueryInterface['addIndex']>,
): Promise<Wanted> => {
  const given: object = Array.isArray(second) ? Object.assign({}, third, { fields: second }) : (second as object)
  const { tableName, schema: schemaName } = detailsOf(schema, table, given)
  const own: QueryInterface = Object.getPrototypeOf(schema)
  const textOf = async (on: object, options: object): Promise<string> => {
    let text = ''
    const note = withQuery(schema, async sql => {
      text = sql
    })
    await own.addIndex.call(note, on as never, options as never, tableName as never)
    return text
  }
  const sql = await textOf({ tableName, schema: schemaName }, { ...given, concurrently: true })
  const tokens = tokensOf(sql)
  const name = fold(must(tokens[tokens.findIndex(({ text }) => text === 'CONCURRENTLY') + 1]).text)
  if (Buffer.byteLength(name) > longestName)
    throw new Error(`the index name ${name} is longer than ${longestName} bytes: give it a shorter { name }`)
  const definition = async (): Promise<string> => {
    const probe = 'migrator_probe'
    const text = await textOf({ tableName: probe, schema: 'pg_temp' }, { ...given, name, concurrently: false })
    await builder.query('BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE')
    try {
      await builder.query(`CREATE TEMP TABLE ${probe} (LIKE ${inSchema(schemaName, tableName)})`)
      await builder.query(text)
      const [made] = await builder.rows<{ definition: string }>(
        'SELECT pg_get_indexdef(c.oid) AS definition FROM pg_class AS c WHERE c.relname = $1 AND c.relnamespace = pg_my_temp_schema()',
        [name],
      )
      return must(made).definition
    } finally {
      await attemptAsync(() => builder.query('ROLLBACK'))
    }
  }
  return { name, schema: schemaName, table: tableName, sql, definition }
}

/** Where an index is equal to another one, on whatever table: uniqueness, method, columns, options and condition. */
const withoutTable = (definition: string): string =>
  definition.replace(/^CREATE (UNIQUE )?INDEX [\s\S]*?( USING )/, (_, unique = '', using) => `${unique}${using}`)

const addIndex = async (means: Means, wanted: Wanted): Promise<void> => {
  const { builder } = means
  const { name, schema, table, sql } = wanted
  const present = await findUnbuilt(means, wanted)
  if (present !== undefined && present.table !== table)
    throw new Error(`the name ${name} is taken${present.table === null ? '' : ` by an index of ${present.table}`}`)
  if (present?.valid) {
    if (withoutTable(present.definition) === withoutTable(await wanted.definition())) return
    throw new Error(`the index ${name} already exists, and is a different one: ${present.definition}`)
  }
  if (present !== undefined) await drop(builder, schema, name)
  const built = await attemptAsync(() => builder.query(sql))
  if ('error' in built) {
    // what a failed build leaves costs every write; the next run would find it too
    await attemptAsync(() => drop(builder, schema, name))
    throw await explainedBy(builder, built.error)
  }
}

const removeIndex = async (means: Means, schema: string, table: string, name: string): Promise<void> => {
  const present = await findUnbuilt(means, { schema, name })
  if (present === undefined) return
  if (present.table !== table) throw new Error(`${name} is no index of ${table}`)
  const dropped = await attemptAsync(() => drop(means.builder, schema, name))
  if ('error' in dropped) throw await explainedBy(means.builder, dropped.error)
}

const drop = (builder: Connection, schema: string, name: string): Promise<unknown> =>
  builder.query(`DROP INDEX CONCURRENTLY IF EXISTS ${inSchema(schema, name)}`)

const find = async (builder: Connection, schema: string, name: string): Promise<Present | undefined> => {
  const [found] = await builder.rows<Present>(
    `SELECT t.relname AS table, coalesce(x.indisvalid AND x.indisready AND x.indislive, false) AS valid,
       CASE WHEN x.indexrelid IS NOT NULL THEN pg_get_indexdef(c.oid) END AS definition
     FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
       LEFT JOIN pg_index AS x ON x.indexrelid = c.oid LEFT JOIN pg_class AS t ON t.oid = x.indrelid
     WHERE n.nspname = $1 AND c.relname = $2`,
    [schema, name],
  )
  return found
}

/**
 * The index as it is when no other session builds it: the server goes on with the statement of a killed run.
 * @throws Failure DATABASE_BUSY at the timeout; the reason of the signal
 */
const findUnbuilt = async (
  { builder, timeout, signal, onWait }: Means,
  { schema, name }: Pick<Wanted, 'schema' | 'name'>,
): Promise<Present | undefined> => {
  const deadline = performance.now() + timeout * 1000
  for (let looks = 0; ; looks += 1) {
    const present = await find(builder, schema, name)
    if (present === undefined || present.valid || !(await isBeingBuilt(builder, schema, name))) return present
    if (performance.now() > deadline) {
      const hint =
        'An earlier run was killed, and the server goes on with it: pg_stat_progress_create_index. Start again.'
      throw new Failure('DATABASE_BUSY', `another session still builds the index ${name}`, hint)
    }
    if (looks === 0) onWait(name)
    await setTimeout(pause, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}

const isBeingBuilt = async (builder: Connection, schema: string, name: string): Promise<boolean> =>
  (
    await builder.rows(
      `SELECT FROM pg_stat_progress_create_index AS p JOIN pg_class AS c ON c.oid = p.index_relid
       WHERE p.datname = current_database() AND c.relnamespace = to_regnamespace($1) AND c.relname = $2`,
      [quote(schema), name],
    )
  ).length > 0

/** A setting of the role or the database: outside of a transaction none can be made that a pooler would not give to others. */
const explainedBy = async (builder: Connection, error: unknown): Promise<unknown> => {
  if (sqlState(error) !== '57014' || !(error instanceof Error)) return error
  const [setting] = await builder.rows<{ is: string }>("SELECT current_setting('statement_timeout') AS is")
  const limit = must(setting).is
  if (limit === '0') return error
  const cure = `ALTER ROLE ${quote(builder.address.user)} SET statement_timeout = 0`
  return new Error(`${error.message}: it is ${limit} for this role (${cure})`, { cause: error })
}
