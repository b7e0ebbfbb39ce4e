// This file is about PostgreSQL.
import type { Migratable, SqlResult, SqlStatement, StatementHook, TableSize } from '../engine.ts'
import { attemptAsync, reasonOf } from '../failure.ts'
import { historyTable } from '../history.ts'
import type { MigrationFile } from '../migrations/files.ts'
import type { LoadedMigration } from '../migrations/load.ts'
import type { RunOptions } from '../migrations/run.ts'
import { type Change, compareServerSchemas } from '../postgres/compare.ts'
import type { Connection } from '../postgres/connect.ts'
import { inlineValues } from '../postgres/inline.ts'
import { readFiles, readLocks, type TableLock } from '../postgres/locks.ts'
import type { PostgresReader } from '../postgres/reader.ts'
import { type Column, readServerSchema, type ServerSchema } from '../postgres/schema.ts'
import { inSchema, quote } from '../postgres/sql.ts'
import { formatThings } from '../text.ts'
import type { Place } from '../where.ts'
import type { Difference } from './changes.ts'
import type { Lost } from './losses.ts'
import { presentPlace } from './places.ts'
import { type Measured, overwritten, type Reverted, revertMeasured } from './revert.ts'

/** A statement that a migration ran on a server, or failed to run. */
export type ServerStep = Readonly<{
  /** as the migration wrote it, with parameters */
  asked: string
  /** with values in place of parameters */
  sql: string
  rows: number
  milliseconds: number
  /** why it failed; null if it did not */
  error: string | null
  place: Place | undefined
  /** the locks that it took of tables that were there before the migration, beyond those that the transaction had */
  locks: readonly TableLock[]
  /** oids of tables that were there before the migration, and that it wrote anew */
  rewritten: readonly number[]
  before: ServerSchema
  after: ServerSchema
}>

/** What a migration did so far on a server. Statements that only read are left out, unless they failed. */
export type ServerRecording = Readonly<{ before: ServerSchema; steps: readonly ServerStep[] }>

export const schemaAfter = ({ before, steps }: ServerRecording): ServerSchema => steps.at(-1)?.after ?? before

/** Statements after which the schema is not read again: there may be very many of them. */
const changesRows = /^\s*(?:INSERT|UPDATE|DELETE|MERGE)\b/i

/** What `up` runs for an online migration; in a trial, which is a transaction, it is the same without CONCURRENTLY. */
export const concurrently = /^(CREATE (?:UNIQUE )?INDEX|DROP INDEX) (CONCURRENTLY )?/

/** The lock that it takes of the table, beside which others read and write. */
const concurrentLock = 'ShareUpdateExclusiveLock'

type Recorded = MigrationFile & Pick<LoadedMigration, 'online'>

/** Records the statements that run on a connection, and the schema before and after each. */
export const createServerRecorder = (connection: Connection) => {
  let steps: ServerStep[] = []
  let migration: Recorded | undefined
  let schema: ServerSchema = { tables: [], others: [] }
  let old: ReadonlySet<number> = new Set()
  let held: ReadonlySet<string> = new Set()
  let files: ReadonlyMap<number, number> = new Map()

  const lookAt = async (): Promise<Pick<ServerStep, 'locks' | 'rewritten'>> => {
    const locks = (await readLocks(connection)).filter(({ oid }) => old.has(oid))
    const taken = locks
      .filter(lock => !held.has(keyOf(lock)))
      .map(lock => (migration?.online === true ? { ...lock, mode: concurrentLock } : lock))
    held = new Set(locks.map(keyOf))
    const now = await readFiles(connection)
    const rewritten = [...now].flatMap(([oid, file]) => (old.has(oid) && files.get(oid) !== file ? [oid] : []))
    files = now
    return { locks: taken, rewritten }
  }

  const around = async (asked: SqlStatement, execute: () => Promise<SqlResult>): Promise<SqlResult> => {
    const place = migration && presentPlace(migration, asked.sql)
    const before = schema
    const start = performance.now()
    const outcome = await attemptAsync(execute)
    const milliseconds = performance.now() - start
    const isOpen = connection.isInTransaction()
    if (isOpen && !changesRows.test(asked.sql)) schema = await readServerSchema(connection)
    const effect = isOpen ? await lookAt() : { locks: [], rewritten: [] }
    const told = (sql: string) => (migration?.online === true ? sql.replace(concurrently, '$1 CONCURRENTLY ') : sql)
    const common = {
      asked: told(asked.sql),
      sql: told(inlineValues(asked)),
      milliseconds,
      place,
      before,
      after: schema,
      ...effect,
    }
    if ('error' in outcome) {
      steps.push({ ...common, rows: 0, error: reasonOf(outcome.error) })
      throw outcome.error
    }
    const { reads, changes } = outcome.value
    const isTruncate = /^\s*TRUNCATE\b/i.test(asked.sql)
    const changed = changesRows.test(asked.sql) ? changes : 0
    const hasEffect = before !== schema && compareServerSchemas(before, schema).length > 0
    if (!reads || hasEffect || effect.locks.length > 0)
      steps.push({ ...common, rows: changed, error: null, rewritten: isTruncate ? [] : effect.rewritten })
    return outcome.value
  }

  /** Starts a new recording, which grows with each statement. @param of the migration in which statements have their places */
  const record = async (of?: Recorded): Promise<ServerRecording> => {
    migration = of
    steps = []
    schema = await readServerSchema(connection)
    old = new Set(schema.tables.map(({ oid }) => oid))
    await lookAt()
    return { before: schema, steps }
  }

  return { around: around as unknown as StatementHook, record }
}

const keyOf = ({ oid, mode }: TableLock): string => `${oid} ${mode}`

/** What a migration changed in a server's schema. */
export const serverDifferences = (recording: ServerRecording): readonly Difference[] =>
  compareServerSchemas(recording.before, schemaAfter(recording)).map(toDifference)

const toDifference = ({ kind, name, what, before, after }: Change): Difference => {
  const oneLine = (text: string | null) => text?.replaceAll(/\s+/g, ' ') ?? 'none'
  if (what === 'extra') return { change: 'added', kind, name, detail: oneLine(after) }
  if (what === 'missing') return { change: 'removed', kind, name, detail: oneLine(before) }
  const detail = `${oneLine(before)} -> ${oneLine(after)}`
  return { change: 'changed', kind, name, detail: what === 'definition' ? detail : `${what}: ${detail}` }
}

/** What is known of a migration that was tried on a server. */
export type ServerTrial = Readonly<{
  migration: LoadedMigration
  recording: ServerRecording
  /** rows of each table; undefined where the database has none, since no clone was given */
  before: readonly TableSize[]
  after: readonly TableSize[]
  /** null if it did not end */
  milliseconds: number | null
  /** it returned, and did not throw */
  returned: boolean
}>

/**
 * Watches migrations that run in a database for trying: `tried` wraps one so that it adds its ServerTrial to `trials`.
 * @param onRun gets the name of the migration that runs next
 */
export const createServerTrials = (database: PostgresReader, onRun: (name: string) => void) => {
  const { connection } = database
  const { around, record } = createServerRecorder(connection)
  const trials: ServerTrial[] = []
  const rowsNow = async () => (await database.rows()).filter(({ name }) => name !== historyTable)
  const tried =
    (migration: LoadedMigration, work: LoadedMigration['up']): LoadedMigration['up'] =>
    async params => {
      onRun(migration.name)
      const recording = await record(migration)
      const before = await rowsNow()
      const trial: ServerTrial = { migration, recording, before, after: [], milliseconds: null, returned: false }
      trials.push(trial)
      const start = performance.now()
      const outcome = await attemptAsync(() => work(params))
      const milliseconds = performance.now() - start
      const after = connection.isInTransaction() ? await rowsNow() : []
      trials.splice(-1, 1, { ...trial, after, milliseconds, returned: 'value' in outcome })
      if ('error' in outcome) throw outcome.error
      return outcome.value
    }
  return { around, tried, trials }
}

/** How many rows a table has, and how many values that are not NULL each column of it has. */
type Values = Readonly<{ oid: number; table: string; rows: number; columns: readonly (Column & { values: number })[] }>

const countValues = async (connection: Connection, { tables }: ServerSchema): Promise<readonly Values[]> => {
  const all: Values[] = []
  for (const { oid, name, columns } of tables) {
    const counts = columns.map(column => `, count(${quote(column.name)}) AS ${quote(`c${column.number}`)}`)
    const [row = { rows: 0 }] = await connection.rows<Record<string, number>>(
      `SELECT count(*) AS rows${counts.join('')} FROM ${inSchema(connection.address.schema, name)}`,
    )
    const counted = columns.map(column => ({ ...column, values: Number(row[`c${column.number}`]) }))
    all.push({ oid, table: name, rows: Number(row.rows), columns: counted })
  }
  return all
}

/** Columns that lost more values than rows went from their table. */
const lostValues = (before: readonly Values[], after: readonly Values[]): readonly Lost[] =>
  before.flatMap(old => {
    const now = after.find(({ oid }) => oid === old.oid)
    if (now === undefined) return []
    return old.columns.flatMap(({ number, name, generated, values: had }) => {
      const left = now.columns.find(column => column.number === number)?.values ?? 0
      // what is computed can be computed again
      if (generated !== '' || had - left <= Math.max(0, old.rows - now.rows)) return []
      const of = `${old.table}.${name}`
      return [{ of, number: had - left, text: `${of} had ${formatThings(had, 'value')} and has ${left} after it` }]
    })
  })

const writesOver = /^\s*(?:UPDATE|DELETE|MERGE|WITH)\b|\bDO\s+UPDATE\b/i

/**
 * Reverts applied migrations on a server by their `down`: see revertMigrations, which does it on a file.
 * @throws as revertMigrations
 */
export const revertOnServer = async (
  database: Migratable & PostgresReader,
  migrations: readonly LoadedMigration[],
  names: readonly string[],
  options: RunOptions,
  onReverted: (reverted: Reverted) => void,
): Promise<void> => {
  const { connection } = database
  let schema = await readServerSchema(connection)
  let values = await countValues(connection, schema)
  let written = 0
  const counting = async (asked: SqlStatement, execute: () => Promise<SqlResult>): Promise<SqlResult> => {
    const result = await execute()
    if (writesOver.test(asked.sql) && !result.reads) written += result.changes
    return result
  }
  const hook: StatementHook = (asked, execute) =>
    options.hook(asked, () => (counting as unknown as StatementHook)(asked, execute))
  const measure = async (): Promise<Measured> => {
    const now = await readServerSchema(connection)
    const left = await countValues(connection, now)
    const structure = compareServerSchemas(schema, now).map(toDifference)
    const lost = [...lostValues(values, left), ...overwritten(written)]
    schema = now
    values = left
    written = 0
    return { structure, lost }
  }
  await revertMeasured(database, migrations, names, { ...options, hook }, measure, onReverted)
}
