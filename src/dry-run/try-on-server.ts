// This file is about PostgreSQL.
import type { Context } from '../context.ts'
import { runPlain } from '../engine.ts'
import { attemptAsync, Failure, must } from '../failure.ts'
import { historyTable } from '../history.ts'
import type { MigrationFile } from '../migrations/files.ts'
import { headOf, planWithoutConflicts } from '../migrations/plan.ts'
import { applyMigrations, idleLimit } from '../migrations/run.ts'
import { loadForTrial } from '../on-server/online.ts'
import { readSizes } from '../postgres/locks.ts'
import { createPostgres } from '../postgres/postgres.ts'
import { type Scratch, withClone } from '../postgres/scratch.ts'
import { literal, quote, tokensOf } from '../postgres/sql.ts'
import { createProgress, formatThings } from '../text.ts'
import { createServerTrials, type ServerTrial } from './on-server.ts'

export type ServerDryRun = Readonly<{
  trials: readonly ServerTrial[]
  /** they were tried in a clone that a person made, with rows */
  isClone: boolean
  /** bytes of the tables of the hub's database */
  sizes: ReadonlyMap<string, number>
  /** why it ended early; undefined if every pending migration was applied */
  error: unknown
}>

/**
 * Applies the pending migrations where nothing is lost by it, as `up` would to the hub's database: in MIGRATOR_SCRATCH_URL, or in a new
 * database that the applied migrations were applied to before. Returns what each did, even if one fails.
 * @param onRun gets the name of the migration that runs next
 * @throws what `up` throws before the first migration runs; CONFIG_INVALID for a clone that is at another migration; what
 *   withClone throws
 */
export const dryRunOnServer = async (
  context: Context,
  known: readonly MigrationFile[],
  onRun: (name: string) => void,
): Promise<ServerDryRun> => {
  const { config, log, signal, version } = context
  const { applied, sizes } = await createPostgres(context, must(config.server)).read('wait', async reader => ({
    applied: (await planWithoutConflicts(reader, known, config.database)).applied,
    sizes: await readSizes(reader.connection),
  }))
  const migrations = await loadForTrial(known, signal)
  const isApplied = ({ name }: Readonly<{ name: string }>) => applied.some(migration => migration.name === name)
  const options = { version, signal, idleLimit, onProgress: createProgress(log, 'rows'), backup: undefined }
  const prepare = async (scratch: Scratch): Promise<void> => {
    await applyMigrations(scratch, migrations.filter(isApplied), { ...options, hook: runPlain })
  }
  return withClone(context, prepare, async scratch => {
    const { isClone } = scratch
    const there = headOf(await scratch.history())
    if (there !== headOf(applied)) throw otherClone(there, headOf(applied))
    const { around, tried, trials } = createServerTrials(scratch, onRun)
    const watched = migrations.map(migration => ({ ...migration, up: tried(migration, migration.up) }))
    const outcome = await attemptAsync(() => applyMigrations(scratch, watched, { ...options, hook: around }))
    const error = 'error' in outcome ? outcome.error : undefined
    if (error !== undefined && (trials.length === 0 || error === signal.reason)) throw error
    return { trials, isClone, sizes, error }
  })
}

const otherClone = (there: string, head: string): Failure =>
  new Failure(
    'CONFIG_INVALID',
    `the database of MIGRATOR_SCRATCH_URL is at ${there || 'no migration'}, and the hub's at ${head || 'no migration'}`,
    "Clone the hub's database again, or leave MIGRATOR_SCRATCH_URL out.",
  )

/** What `up` would do, as a script for psql, which ends at the first error: then nothing has changed. */
export const serverScript = ({ trials }: ServerDryRun, { config, version }: Context): string => {
  const table = quote(historyTable)
  const recordOf = ({ name, checksum }: ServerTrial['migration']): string => {
    const time = `to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
    const values = [literal(name), literal(checksum), time, 'NULL', literal(version)].join(', ')
    return `INSERT INTO ${table} (name, checksum, applied_at, duration_ms, migrator) VALUES (${values});`
  }
  const { schema } = must(config.server)
  const begin = [
    'BEGIN;',
    `SET LOCAL search_path = ${quote(schema)};`,
    "SET LOCAL TimeZone = 'UTC';",
    `SET LOCAL lock_timeout = '${config.statementLockTimeout}s';`,
    `SELECT pg_advisory_xact_lock(hashtext('homelab-migrator'), hashtext(${literal(schema)}));`,
  ]
  const cuts = trials.filter(({ migration }) => migration.online).length
  const lines = [
    '\\set ON_ERROR_STOP on',
    `-- ${formatThings(trials.length, 'migration')} of ${config.database}, as homelab-migrator ${version} applies them.`,
    cuts === 0
      ? '-- A script for psql. It ends at the first error with exit code 3, and then nothing has changed. It does not guard rows.'
      : '-- A script for psql. It ends at the first error with exit code 3, and what was committed by then stays. It does not guard rows.',
    ...begin,
    `CREATE TABLE IF NOT EXISTS ${table} (name text PRIMARY KEY);`,
    ...['checksum text', 'applied_at text', 'duration_ms integer', 'migrator text'].map(
      column => `ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS ${column};`,
    ),
    ...trials.flatMap(({ migration, recording }, index) => {
      const statements = recording.steps.filter(({ error }) => error === null).map(({ sql }) => terminated(sql))
      const record = recordOf(migration)
      const isLast = index === trials.length - 1
      if (migration.online !== true) return ['', `-- ${migration.name}`, ...statements, record]
      const outside = [`SET search_path = ${quote(schema)};`, ...statements, 'RESET search_path;']
      const committed = [...begin, record, ...(isLast ? [] : ['COMMIT;', ...begin])]
      return ['COMMIT;', '', `-- ${migration.name}, online`, ...outside, ...committed]
    }),
    '',
    'COMMIT;',
  ]
  return `${lines.join('\n')}\n`
}

/** A statement with one semicolon right after its last token, since a trailing comment would swallow it. */
const terminated = (sql: string): string => {
  const last = tokensOf(sql).findLast(({ text }) => text !== ';')
  return `${sql.slice(0, last?.end).trimStart()};`
}
