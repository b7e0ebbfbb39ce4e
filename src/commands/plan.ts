import type { Context } from '../context.ts'
import { type Difference, differenceLines, differences } from '../dry-run/changes.ts'
import type { Lineage } from '../dry-run/lineage.ts'
import { type Lost, lostValues } from '../dry-run/losses.ts'
import { afterOf } from '../dry-run/record.ts'
import { planSql, terminated } from '../dry-run/script.ts'
import { type DryRun, type DryRunResult, dryRun, pendingOf } from '../dry-run/try.ts'
import { Failure } from '../failure.ts'
import { annotation, toAnnotation } from '../lint/formats.ts'
import { findInUp } from '../lint/inspect.ts'
import { watchOutside } from '../lint/outside.ts'
import { applySuppressions, type Finding, place, type Reported, report, reportLines } from '../lint/rules.ts'
import { findStatements } from '../lint/statements.ts'
import { type MigrationFile, readMigrationFiles } from '../migrations/files.ts'
import { requireNotLost } from '../ready/lost.ts'
import { withCopy } from '../sqlite/read-only.ts'
import { createSqlite } from '../sqlite/sqlite.ts'
import { formatBytes, formatThings, textTable } from '../text.ts'

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
  const engine = createSqlite(context)
  await engine.validate('read')
  const texts = readMigrationFiles(config.migrations)
  await requireNotLost(engine, config)
  const bytes = engine.file.bytes()
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
  const { tried, migrations, failure } = await tryOnCopy(context, texts, watch)
  if (format !== 'sql') {
    const { growth, journal } = tried
    const backup = config.backup === 'auto' ? bytes : 0
    const shown: Plan = {
      database,
      pending: pending.map(({ name }) => name),
      migrations,
      bytes: failure === null ? { growth, journal, backup } : null,
      failure: failure && failureOf(failure),
    }
    print(toOutput(shown, format, texts))
  } else if (failure === null) print(planSql({ ...tried, database, isNew: bytes === 0, version: context.version }))
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
  const fileOf = (name: string | undefined) => ({ file: files.find(file => file.name === name)?.file ?? '' })
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

type Tried = Readonly<{
  tried: DryRun
  migrations: readonly MigrationReport[]
  /** what `up` would fail with; null if it would not fail */
  failure: Failure | null
}>

const tryOnCopy = async (
  context: Context,
  texts: readonly MigrationFile[],
  watch: typeof watchOutside,
): Promise<Tried> => {
  const outside = watch(texts)
  try {
    return await withCopy(context, async copy => {
      const tried = await dryRun(context, texts, copy, outside.running)
      // DISK_FULL here is about the copy's disk and says nothing about the volume
      const failure = tried.error === undefined ? null : context.engine.explain(tried.error)
      if (failure !== null && (!(failure instanceof Failure) || failure.code === 'DISK_FULL')) throw failure
      const migrations = tried.trials.map(trial => {
        const { name } = trial.migration
        const text = texts.filter(candidate => candidate.name === name).map(candidate => candidate.text)
        return toMigrationReport(trial, outside.findings(trial.migration), text.join())
      })
      return { tried, migrations, failure }
    })
  } finally {
    outside.stop()
  }
}

/** What `plan` reports about one migration; part of its JSON. */
export type MigrationReport = Readonly<{
  name: string
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

type StatementReport = Readonly<{
  /** as the migration wrote it, with parameters */
  asked: string
  /** as it ran, with values */
  sql: string
  /** rows it wrote */
  rows: number
  milliseconds: number
  /** why it failed; null if it did not */
  error: string | null
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
  const rowsIn = (tables: DryRunResult['before'], name: string | undefined) =>
    tables.find(table => table.name === name)?.rows ?? null
  const after = end?.after ?? []
  const goneFrom = ({ old, now }: Lineage) => Number(rowsIn(before, old.name)) - Number(rowsIn(after, now?.name))
  const names = new Set([...before, ...after].map(({ name }) => name))
  return {
    name: migration.name,
    statements: recording.steps.map(({ asked, sql, rows, milliseconds, error }) => ({
      asked,
      sql,
      rows,
      milliseconds: Math.round(milliseconds * 1000) / 1000,
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

/** A plan as text for people. */
export const planText = ({ database, pending, migrations, bytes, failure }: Plan): string => {
  const untried = pending.slice(migrations.length)
  const lines = [
    `${database}: ${pending.length} pending${migrations.length > 0 ? ', tried on a copy' : ''}`,
    ...migrations.flatMap(migration => ['', ...migrationLines(migration)]),
    ...(untried.length > 0 ? ['', `not tried: ${untried.join(', ')}`] : []),
    ...(failure === null ? [] : ['', `up would fail: ${failure.message} (${failure.code})`]),
    ...(bytes === null ? [] : ['', needs(bytes)]),
  ]
  return `${lines.join('\n')}\n`
}

const needs = ({ growth, journal, backup }: NonNullable<Plan['bytes']>): string => {
  const parts = [`database ${formatBytes(growth)}`, `journal ${formatBytes(journal)}`, `backup ${formatBytes(backup)}`]
  return `up will need ${formatBytes(Math.max(0, growth) + journal + backup)} on the volume: ${parts.join(', ')}`
}

const migrationLines = ({
  name,
  statements,
  structure,
  tables,
  lost,
  findings,
  milliseconds,
  bytes,
}: MigrationReport): string[] => [
  milliseconds === null || bytes === null
    ? `${name}: it did not end`
    : `${name}: ${milliseconds} ms, ${formatBytes(bytes)} more`,
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
    ...batch.flatMap(({ error }) => (error === null ? [] : [`failed: ${error.replaceAll('\n', ' ')}`])),
  ]
  const comment = facts.length > 0 ? `  -- ${facts.join(', ')}` : ''
  return `${terminated(sql)}${comment}`.split('\n').map(line => `  ${line}`)
}
