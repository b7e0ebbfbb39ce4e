import type { Context } from '../context.ts'
import { type Difference, differenceLines, differences } from '../dry-run/changes.ts'
import type { Lineage } from '../dry-run/lineage.ts'
import { type Lost, lostValues } from '../dry-run/losses.ts'
import type { ServerRecording, ServerStep } from '../dry-run/on-server.ts'
import { afterOf } from '../dry-run/record.ts'
import { planSql, terminated } from '../dry-run/script.ts'
import { type DryRunResult, dryRun, pendingOf } from '../dry-run/try.ts'
import type { ServerDryRun } from '../dry-run/try-on-server.ts'
import type { TableSize } from '../engine.ts'
import { Failure, type FailureCode, must } from '../failure.ts'
import { annotation, toAnnotation } from '../lint/formats.ts'
import { findInUp } from '../lint/inspect.ts'
import { watchOutside } from '../lint/outside.ts'
import { applySuppressions, type Finding, place, type Reported, report, reportLines } from '../lint/rules.ts'
import { findStatements } from '../lint/statements.ts'
import { type MigrationFile, readMigrationFiles } from '../migrations/files.ts'
import { dialectOf } from '../on-server/history.ts'
import { requireNotLost } from '../ready/lost.ts'
import { withCopy } from '../sqlite/read-only.ts'
import { createSqlite } from '../sqlite/sqlite.ts'
import { formatBytes, formatCount, formatThings, textTable } from '../text.ts'

/** For people; all of it; the statements as a script; lines that GitHub Actions shows beside the code. */
export type PlanFormat = 'text' | 'json' | 'sql' | 'github'

/** What `plan --json` prints, documented in docs/commands/plan.md. Fields are added, never changed. */
export type Plan = Readonly<{
  database: string
  /** names of all pending migrations, whether they were tried or not */
  pending: readonly string[]
  /** the ones that were tried */
  migrations: readonly MigrationReport[]
  /** bytes `up` will need on the volume; null if nothing is pending, or `up` would fail */
  bytes: Readonly<{ growth: number; journal: number; backup: number }> | null
  /** of a file, how long `up` will take, by how long it took to make the copy, and to do on it all that `up` does; null as `bytes` */
  milliseconds?: Readonly<{ backup: number; rest: number }> | null
  /** on a server: whether they were tried in the clone of MIGRATOR_SCRATCH_URL, or in a new database without rows */
  scratch?: 'clone' | 'empty'
  /** why `up` would fail; null if it would not */
  failure: Readonly<{ code: string; message: string; hint: string }> | null
}>

/**
 * Applies the pending migrations to a copy of the database in a temporary folder and shows what they do. Only reads the volume
 * and leaves nothing there.
 * @param watch notes what migrations use besides the database
 * @throws Failure what `up` would fail with, after printing how far it got; DISK_FULL if there is no space for the copy
 */
export const plan = async (
  context: Context,
  format: PlanFormat,
  watch: typeof watchOutside = watchOutside,
): Promise<void> => {
  const { config, print } = context
  const { database } = config
  const { engine } = context
  await engine.validate('read')
  const texts = readMigrationFiles(config.migrations, dialectOf(engine))
  if (engine.server === undefined) await requireNotLost(engine, config)
  const nothing: Plan = { database, pending: [], migrations: [], bytes: null, failure: null }
  const pending = await pendingIn(context, texts).catch(error => {
    const failure = engine.explain(error)
    if (format === 'json' && failure instanceof Failure)
      print(toOutput({ ...nothing, failure: failureOf(failure) }, format, texts))
    throw failure
  })
  if (pending.length === 0) {
    print(format === 'sql' ? `-- nothing is pending in ${database}\n` : toOutput(nothing, format, texts))
    return
  }
  const tryOut = engine.server === undefined ? tryOnCopy : tryOnServer
  const { migrations, failure, script, ...more } = await tryOut(context, texts, watch)
  if (format !== 'sql') {
    const names = pending.map(({ name }) => name)
    print(
      toOutput(
        { database, pending: names, migrations, ...more, failure: failure && failureOf(failure) },
        format,
        texts,
      ),
    )
  } else if (failure === null) print(script())
  if (failure !== null) throw failure
}

/** If there is no database yet, all migrations are pending. */
const pendingIn = async (
  { config, engine }: Context,
  files: readonly MigrationFile[],
): Promise<readonly MigrationFile[]> =>
  (await engine.read('wait', reader => pendingOf(reader, files, config.database))) ?? files

const toOutput = (shown: Plan, format: Exclude<PlanFormat, 'sql'>, files: readonly MigrationFile[]): string => {
  if (format === 'github') return toAnnotations(shown, files)
  return format === 'json' ? `${JSON.stringify(shown)}\n` : planText(shown)
}

/** What a person should look at: findings, values that go, and why `up` would fail. */
const toAnnotations = ({ migrations, failure }: Plan, files: readonly MigrationFile[]): string => {
  const fileOf = (name: string | undefined) => ({ file: must(files.find(file => file.name === name)).file })
  const lines = migrations.flatMap(({ name, findings, lost }) => [
    ...findings.map(found => toAnnotation({ ...found, place: found.place ?? fileOf(name) })),
    ...lost.map(({ text }) => annotation('warning', 'plan', fileOf(name), `on this database: ${text}`)),
  ])
  // the migration that fails is the last one that was tried
  const failed =
    failure && annotation('error', failure.code, fileOf(migrations.at(-1)?.name), `up would fail: ${failure.message}`)
  return [...lines, failed ?? ''].join('')
}

const failureOf = ({ code, message, hint }: Failure): Plan['failure'] => ({ code, message, hint })

type Tried = Pick<Plan, 'bytes' | 'milliseconds' | 'scratch'> &
  Readonly<{
    migrations: readonly MigrationReport[]
    /** what `up` would fail with; null if it would not fail */
    failure: Failure | null
    /** what `up` would do, for a shell of the engine */
    script: () => string
  }>

const tryOnCopy = async (
  context: Context,
  texts: readonly MigrationFile[],
  watch: typeof watchOutside,
): Promise<Tried> => {
  const { config, version } = context
  const bytes = createSqlite(context).file.bytes()
  const outside = watch(texts)
  try {
    const start = performance.now()
    return await withCopy(context, async copy => {
      const begun = performance.now()
      const tried = await dryRun(context, texts, copy, outside.running)
      // DISK_FULL here is about the copy's disk and says nothing about the volume
      const failure = failureIn(context, tried.error, 'DISK_FULL')
      const { growth, journal } = tried
      const backup = config.backup === 'auto' ? bytes : 0
      const times = { backup: backup > 0 ? Math.round(begun - start) : 0, rest: Math.round(performance.now() - begun) }
      return {
        migrations: tried.trials.map(trial =>
          toMigrationReport(trial, outside.findings(trial.migration), trial.migration.text),
        ),
        bytes: failure === null ? { growth, journal, backup } : null,
        milliseconds: failure === null ? times : null,
        failure,
        script: () => planSql({ ...tried, database: config.database, isNew: bytes === 0, version }),
      }
    })
  } finally {
    outside.stop()
  }
}

/** What `up` would fail with; anything else is thrown. */
const failureIn = ({ engine }: Context, error: unknown, own: FailureCode): Failure | null => {
  const failure = error === undefined ? null : engine.explain(error)
  if (failure !== null && (!(failure instanceof Failure) || failure.code === own)) throw failure
  return failure
}

const tryOnServer = async (
  context: Context,
  texts: readonly MigrationFile[],
  watch: typeof watchOutside,
): Promise<Tried> => {
  const [{ dryRunOnServer, serverScript }, { serverDifferences }, { findOnServer }] = await Promise.all([
    import('../dry-run/try-on-server.ts'),
    import('../dry-run/on-server.ts'),
    import('../lint/find-on-server.ts'),
  ])
  const outside = watch(texts)
  try {
    const tried = await dryRunOnServer(context, texts, outside.running)
    return {
      migrations: tried.trials.map(trial => {
        const { migration, recording, before, after, milliseconds } = trial
        const found = [...outside.findings(migration).map(place(null)), ...findOnServer(recording).map(place('up'))]
        const names = tried.isClone ? new Set([...before, ...after].map(({ name }) => name)) : []
        return {
          name: migration.name,
          ...(migration.online === true ? { online: true as const } : {}),
          statements: recording.steps.map(step => toServerStatement(step, recording, tried)),
          structure: serverDifferences(recording),
          tables: [...names].map(name => ({ name, before: rowsIn(before, name), after: rowsIn(after, name) })),
          lost: [],
          milliseconds: milliseconds && Math.round(milliseconds),
          bytes: null,
          findings: applySuppressions(found, migration.text).open.map(report),
        }
      }),
      bytes: null,
      scratch: tried.isClone ? 'clone' : 'empty',
      failure: failureIn(context, tried.error, 'BUG'),
      script: () => serverScript(tried, context),
    }
  } finally {
    outside.stop()
  }
}

/** A table's size is that of the hub's database, under the name that it has there. */
const toServerStatement = (
  { asked, sql, rows, milliseconds, error, locks, rewritten }: ServerStep,
  { before }: ServerRecording,
  { sizes }: ServerDryRun,
): StatementReport => ({
  ...{ asked, sql, rows, milliseconds: rounded(milliseconds), error },
  locks: locks.map(({ table, mode }) => ({ table, mode })),
  rewrites: before.tables
    .filter(({ oid }) => rewritten.includes(oid))
    .map(({ name }) => ({ table: name, bytes: sizes.get(name) ?? 0 })),
})

const rounded = (milliseconds: number): number => Math.round(milliseconds * 1000) / 1000

const rowsIn = (tables: readonly TableSize[], name: string | undefined): number | null =>
  tables.find(table => table.name === name)?.rows ?? null

/** What `plan` reports about one migration; part of its JSON. */
export type MigrationReport = Readonly<{
  name: string
  /** on a server: what comes before it is committed, and then it alone */
  online?: true
  statements: readonly StatementReport[]
  structure: readonly Difference[]
  /** rows of each table; null if the table does not exist, and after a migration that never settled */
  tables: readonly Readonly<{ name: string; before: number | null; after: number | null }>[]
  /** columns that lost more values (not NULL) than rows that went; empty for a migration that failed */
  lost: readonly Lost[]
  /** null for a migration that never settled */
  milliseconds: number | null
  /** by which the database grew; null for a migration that never settled */
  bytes: number | null
  findings: readonly Reported[]
}>

export type StatementReport = Readonly<{
  /** as the migration wrote it, with parameters */
  asked: string
  /** as it ran, with values */
  sql: string
  /** rows it wrote */
  rows: number
  milliseconds: number
  /** why it failed; null if it did not */
  error: string | null
  /** on a server: locks of tables that were there before, beyond those that the transaction had */
  locks?: readonly Readonly<{ table: string; mode: string }>[]
  /** on a server: tables that it writes anew, with the bytes that they have in the hub's database now */
  rewrites?: readonly Readonly<{ table: string; bytes: number }>[]
}>

/**
 * Builds the report of one dry-run migration: statements, schema changes, rows, losses, and findings the text does not suppress.
 * @param outside findings about what it used besides the database
 * @param text of its file, which may suppress findings
 */
export const toMigrationReport = (trial: DryRunResult, outside: readonly Finding[], text: string): MigrationReport => {
  const { migration, recording, before, end } = trial
  // a migration that failed halfway is judged by its statements only
  const found = end?.returned === true ? findInUp(recording) : findStatements(recording.steps)
  const { open } = applySuppressions([...outside.map(place(null)), ...found.map(place('up'))], text)
  const after = end?.after ?? []
  const goneFrom = ({ old, now }: Lineage) => Number(rowsIn(before, old.name)) - Number(rowsIn(after, now?.name))
  const names = new Set([...before, ...after].map(({ name }) => name))
  return {
    name: migration.name,
    statements: recording.steps.map(({ asked, sql, rows, milliseconds, error }) => ({
      asked,
      sql,
      rows,
      milliseconds: rounded(milliseconds),
      error,
    })),
    structure: differences(recording.before, afterOf(recording)),
    tables: [...names].map(name => ({ name, before: rowsIn(before, name), after: rowsIn(after, name) })),
    lost: end?.returned === true ? lostValues(recording, trial.valuesBefore, end.valuesAfter, goneFrom) : [],
    milliseconds: end === undefined ? null : Math.round(end.milliseconds),
    bytes: end?.bytes ?? null,
    findings: open.map(report),
  }
}

const places = {
  copy: ', tried on a copy',
  clone: ', tried in the clone of MIGRATOR_SCRATCH_URL',
  empty: ', tried in a new database without rows',
} as const

/** A plan as text for people. */
export const planText = ({ database, pending, migrations, bytes, milliseconds, failure, scratch }: Plan): string => {
  const untried = pending.slice(migrations.length)
  const lines = [
    `${database}: ${pending.length} pending${migrations.length > 0 ? places[scratch ?? 'copy'] : ''}`,
    ...migrations.flatMap(migration => ['', ...migrationLines(migration)]),
    ...(untried.length > 0 ? ['', `not tried: ${untried.join(', ')}`] : []),
    ...(failure === null ? [] : ['', `up would fail: ${failure.message} (${failure.code})`]),
    ...(bytes === null ? [] : ['', needs(bytes)]),
    ...(milliseconds ? [takes(milliseconds)] : []),
  ]
  return `${lines.join('\n')}\n`
}

const needs = ({ growth, journal, backup }: NonNullable<Plan['bytes']>): string => {
  const parts = [`database ${formatBytes(growth)}`, `journal ${formatBytes(journal)}`, `backup ${formatBytes(backup)}`]
  return `up will need ${formatBytes(Math.max(0, growth) + journal + backup)} on the volume: ${parts.join(', ')}`
}

const takes = ({ backup, rest }: NonNullable<Plan['milliseconds']>): string =>
  `up will take about ${formatCount(backup + rest)} ms, as on the copy: backup ${formatCount(backup)} ms, the rest ${formatCount(rest)} ms`

const migrationLines = ({
  name,
  online,
  statements,
  structure,
  tables,
  lost,
  findings,
  milliseconds,
  bytes,
}: MigrationReport): string[] => [
  ...(online ? [`-- online: what comes before ${name} is committed, then it alone, then the rest`] : []),
  milliseconds === null
    ? `${name}: it did not end`
    : `${name}: ${milliseconds} ms${bytes === null ? '' : `, ${formatBytes(bytes)} more`}`,
  ...statementLines(statements),
  ...differenceLines(structure),
  ...textTable(
    tables
      .filter(({ before, after }) => milliseconds !== null && before !== after)
      .map(({ name: table, before, after }) => [table, `${rowsText(before)} -> ${rowsText(after)}`]),
  ),
  ...lost.map(({ text }) => `  ${text}`),
  ...reportLines(findings),
]

const rowsText = (rows: number | null): string => (rows === null ? 'none' : formatThings(rows, 'row'))

type Batch = [StatementReport, ...StatementReport[]]

/** Whether `next` is the same statement again, or the next batch ($first to $last) of the same backfill. */
const isRepeated = (one: StatementReport, next: StatementReport): boolean =>
  one.sql === next.sql || (one.asked === next.asked && /\$first\b/.test(next.asked) && /\$last\b/.test(next.asked))

/** Shows the batches of a backfill as one statement. */
const statementLines = (statements: readonly StatementReport[]): readonly string[] => {
  const batches: Batch[] = []
  for (const statement of statements) {
    const last = batches.at(-1)
    if (last !== undefined && isRepeated(last[0], statement)) last.push(statement)
    else batches.push([statement])
  }
  return batches.flatMap(batchLines)
}

const batchLines = (batch: Batch): readonly string[] => {
  const [{ sql }] = batch
  const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)
  const rows = sum(batch.map(statement => statement.rows))
  const milliseconds = Math.round(sum(batch.map(statement => statement.milliseconds)))
  const facts = [
    ...(batch.length > 1 ? [formatThings(batch.length, 'time')] : []),
    ...(rows > 0 ? [formatThings(rows, 'row')] : []),
    ...(milliseconds > 0 ? [`${milliseconds} ms`] : []),
    ...batch.flatMap(({ locks = [] }) => locks.map(({ table, mode }) => `${mode} of ${table}`)),
    ...batch.flatMap(({ rewrites = [] }) =>
      rewrites.map(({ table, bytes }) => `rewrites ${table}, ${formatBytes(bytes)} now`),
    ),
    ...batch.flatMap(({ error }) => (error === null ? [] : [`failed: ${error.replaceAll('\n', ' ')}`])),
  ]
  const comment = facts.length > 0 ? `  -- ${facts.join(', ')}` : ''
  return `${terminated(sql)}${comment}`.split('\n').map(line => `  ${line}`)
}
