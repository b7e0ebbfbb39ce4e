// This room is about SQLite.
import type { Context } from '../context.ts'
import type { Engine } from '../engine.ts'
import { attemptAsync, Failure, type FailureCode, isFailure } from '../failure.ts'
import { type AppliedMigration, wasAdopted } from '../history.ts'
import type { MigrationFile } from '../migrations/files.ts'
import { loadMigrations } from '../migrations/load.ts'
import { type Conflict, readPlan } from '../migrations/plan.ts'
import { requireNotLost } from '../ready/lost.ts'
import { type ExpectedMarker, type Marker, mismatches } from '../ready/marker.ts'
import { readState } from '../ready/readiness.ts'
import { checkFileByHelper, refuseDamage } from '../sqlite/check.ts'
import { helperOf } from '../sqlite/helper.ts'
import { findOrphans } from '../sqlite/keys.ts'
import type { SqliteReader } from '../sqlite/reader.ts'
import { compareSchemas, differ, type Finding } from '../sqlite/schema/compare.ts'
import { readAppSchema, type Schema } from '../sqlite/schema/read.ts'
import { createSqlite } from '../sqlite/sqlite.ts'
import { expectedStructure } from './expected.ts'

export type CheckResults = Readonly<{
  /** the last applied migration; null if none is, or the database cannot be read */
  schema: string | null
  /** the findings of each check; a check that could not be made is absent */
  results: Readonly<Partial<Record<Check, readonly Problem[]>>>
  /** what kept a check from being made, where the others stand; undefined if none did */
  stopped?: Failure
}>

/**
 * Runs every check that still makes sense, read-only and without a trace. If the file cannot be read, only damage is reported;
 * the schema is compared only if every applied migration is known.
 * @throws Failure DATABASE_BUSY; CONFIG_INVALID or MIGRATION_FAILED if an applied migration cannot be run on an empty database
 */
export const runChecks = async (context: Context, known: readonly MigrationFile[]): Promise<CheckResults> => {
  const { config } = context
  const { database } = config
  const engine = createSqlite(context)
  const state = await unlessDamaged(engine, async () => {
    await requireNotLost(engine, config)
    return readState(engine, config, 'wait', async reader => {
      const structure = readAppSchema(reader.connection)
      const orphans = await unlessDamaged(engine, async () => findOrphans(reader.connection, structure))
      return { structure, orphans, plan: await readPlan(reader, known) }
    })
  })
  if (state instanceof Failure) return { schema: null, results: { damage: damageProblems(database, state) } }
  const { applied, marker, truth, more } = state
  if (more === undefined || truth === undefined) return { schema: null, results: { marker: absenceProblems(database) } }
  const { structure, orphans, plan } = more
  const checked = await checkFileByHelper(database, 'integrity_check', helperOf(context))
  const found = await unlessDamaged(engine, async () => refuseDamage(database, checked))
  const damage = [found, orphans].find(failure => failure instanceof Failure)
  return {
    schema: applied.at(-1)?.name ?? null,
    results: {
      damage: damage === undefined ? uncheckedProblems(database, checked.unchecked) : damageProblems(database, damage),
      ...(orphans instanceof Failure
        ? {}
        : { 'foreign keys': toProblems('foreign keys', 'SCHEMA_DRIFT', orphansHint, orphans) }),
      history: historyProblems(plan.conflicts, plan.pending),
      ...(await examineStructure(context, known, applied, structure)),
      marker: markerProblems(marker, truth),
    },
  }
}

/** Runs `work`; returns a DATABASE_DAMAGED failure instead of throwing it. */
const unlessDamaged = async <T>(engine: Engine<SqliteReader>, work: () => Promise<T>): Promise<T | Failure> => {
  const outcome = await attemptAsync(work)
  if ('value' in outcome) return outcome.value
  const failure = engine.explain(outcome.error)
  if (isFailure(failure, 'DATABASE_DAMAGED')) return failure
  throw failure
}

const examineStructure = async (
  { signal, version }: Context,
  known: readonly MigrationFile[],
  applied: readonly AppliedMigration[],
  found: Schema,
): Promise<CheckResults['results']> => {
  const prefix = known.filter(({ name }) => applied.some(migration => migration.name === name))
  if (prefix.length < applied.length) return {}
  const expected = await expectedStructure(await loadMigrations(prefix, signal), version, signal)
  const findings = compareSchemas(expected, found, { adopted: wasAdopted(applied) })
  return { structure: toProblems('structure', 'SCHEMA_DRIFT', driftHint, findings) }
}

const driftHint =
  'See `migrator schema` for what is there. Undo what was changed by hand, or restore a backup; what is to stay belongs in a migration.'
const orphansHint =
  'Add the missing parents, or delete the rows: PRAGMA foreign_key_check(TABLE) names each. Where it says "foreign key mismatch", the parent columns need a UNIQUE index.'

/** In the order in which they are told: of a file, and of a server, which has no damage to find, no rows without a parent and no marker. */
export const checks = {
  file: ['damage', 'foreign keys', 'history', 'structure', 'marker'],
  server: ['history', 'structure', 'indexes', 'constraints', 'ownership'],
} as const
export type Check = (typeof checks)['file' | 'server'][number]

/** A finding of one check. */
export type Problem = Finding &
  Readonly<{
    check: Check
    /** the failure code of a difference; null for a harmless finding */
    code: FailureCode | null
    /** what to do about it; null if there is nothing to do */
    hint: string | null
  }>

/** Adds the code and the hint to each difference; other findings get neither. */
export const toProblems = (
  check: Check,
  code: FailureCode,
  hint: string,
  findings: readonly Finding[],
): readonly Problem[] =>
  findings.map(finding =>
    finding.weight === 'difference' ? { check, code, ...finding, hint } : { check, code: null, ...finding, hint: null },
  )

/** @param failure the failure that shows the damage */
export const damageProblems = (database: string, { code, hint, message }: Failure): readonly Problem[] =>
  toProblems('damage', code, hint, differ('difference', database, 'damage', null, message))

/** What could not be checked because only the hub can (as with its own functions) is information, not a difference. */
const uncheckedProblems = (database: string, unchecked: readonly string[]): readonly Problem[] =>
  unchecked.map(reason => ({
    check: 'damage',
    code: null,
    weight: 'information',
    object: database,
    what: 'unchecked',
    expected: null,
    found: reason,
    hint: null,
  }))

/** Conflicts are differences; pending migrations are information. */
export const historyProblems = (
  conflicts: readonly Conflict[],
  pending: readonly MigrationFile[],
): readonly Problem[] => [
  ...conflicts.flatMap(({ code, name, finding, hint }) =>
    toProblems('history', code, hint, differ('difference', name, 'history', null, finding)),
  ),
  ...pending.map(
    ({ name: object }): Problem => ({
      check: 'history',
      code: null,
      weight: 'information',
      object,
      what: 'pending',
      expected: null,
      found: null,
      hint: null,
    }),
  ),
]

/** A missing marker and one that is not true both mean NOT_READY. */
export const markerProblems = (marker: Marker | undefined, truth: ExpectedMarker): readonly Problem[] => {
  const object = 'ready marker'
  const findings =
    marker === undefined
      ? differ('difference', object, 'missing', 'a true one', null)
      : mismatches(marker, truth).flatMap(field =>
          differ('difference', object, field, String(truth[field]), String(marker[field])),
        )
  return toProblems('marker', 'NOT_READY', 'Run `migrator up`.', findings)
}

/** For a volume without a database and without signs that it ever had one. */
export const absenceProblems = (database: string): readonly Problem[] =>
  toProblems('marker', 'NOT_READY', 'Run `migrator up`.', differ('difference', database, 'missing', 'a database', null))
