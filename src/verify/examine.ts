import type { Config } from '../config.ts'
import { type Context, patienceOf } from '../context.ts'
import { attempt, Failure, type FailureCode } from '../failure.ts'
import type { KnownMigration } from '../migrations/files.ts'
import { type AppliedMigration, wasAdopted } from '../migrations/history.ts'
import { loadMigrations } from '../migrations/load.ts'
import { type Conflict, findForeign, makePlan } from '../migrations/plan.ts'
import { refuseLostDatabase } from '../ready/lost.ts'
import { type Marker, type Truth, untrueFields } from '../ready/marker.ts'
import { readState } from '../ready/readiness.ts'
import { inspectByHelper, refuseDamage } from '../sqlite/check.ts'
import { whenFree } from '../sqlite/connect.ts'
import { toFailure } from '../sqlite/errors.ts'
import { findOrphans } from '../sqlite/keys.ts'
import { compareStructures, differ, type Finding } from '../sqlite/schema/compare.ts'
import { readHubStructure, type Structure } from '../sqlite/schema/read.ts'
import { helperOf } from '../sqlite/sqlite.ts'
import { expectedStructures } from './expected.ts'

export type Examination = Readonly<{
  /** the last applied migration; null where none is, or it cannot be read */
  schema: string | null
  /** what each check found; a check that could not be made is not there */
  results: Readonly<Partial<Record<Check, readonly Judged[]>>>
}>

/**
 * Looks a volume through, without a trace, by every check that can be made: of a file that cannot be read there is only
 * damage to tell, and a structure is only compared where every applied migration is known.
 * @throws Failure DATABASE_BUSY; CONFIG_INVALID or MIGRATION_FAILED when an applied migration cannot be run on an empty database
 */
export const examine = async (context: Context, known: readonly KnownMigration[]): Promise<Examination> => {
  const { config } = context
  const { database } = config
  const read = () =>
    unlessDamaged(config, () => {
      refuseLostDatabase(config)
      return readState(config, connection => {
        const structure = readHubStructure(connection)
        const orphans = unlessDamaged(config, () => findOrphans(connection, structure))
        return { structure, orphans, foreign: findForeign(connection) }
      })
    })
  const state = await whenFree(read, patienceOf(context))
  if (state instanceof Failure) return { schema: null, results: { damage: judgeDamage(database, state) } }
  const { applied, marker, truth, more } = state
  if (more === undefined || truth === undefined) return { schema: null, results: { marker: judgeAbsence(database) } }
  const { structure, orphans, foreign } = more
  const { pending, conflicts } = makePlan(known, applied)
  const inspected = await inspectByHelper(database, 'integrity_check', helperOf(context))
  const damage = [unlessDamaged(config, () => refuseDamage(database, inspected)), orphans].find(
    found => found instanceof Failure,
  )
  return {
    schema: applied.at(-1)?.name ?? null,
    results: {
      damage: damage === undefined ? [] : judgeDamage(database, damage),
      ...(orphans instanceof Failure
        ? {}
        : { 'foreign keys': judge('foreign keys', 'SCHEMA_DRIFT', orphansHint, orphans) }),
      history: judgeHistory([...foreign, ...conflicts], pending),
      ...(await examineStructure(context, known, applied, structure)),
      marker: judgeMarker(marker, truth),
    },
  }
}

/** Runs `work`, and gives what shows that the database is damaged as a value. */
const unlessDamaged = <T>({ database }: Config, work: () => T): T | Failure => {
  const outcome = attempt(work)
  if ('value' in outcome) return outcome.value
  const failure = toFailure(outcome.error, database)
  if (failure instanceof Failure && failure.code === 'DATABASE_DAMAGED') return failure
  throw failure
}

const examineStructure = async (
  { signal, version }: Context,
  known: readonly KnownMigration[],
  applied: readonly AppliedMigration[],
  found: Structure,
): Promise<Examination['results']> => {
  const prefix = known.filter(({ name }) => applied.some(migration => migration.name === name))
  if (prefix.length < applied.length) return {}
  const structures = await expectedStructures(await loadMigrations(prefix), version, signal)
  const expected = structures.at(-1) ?? { tables: [], views: [], triggers: [] }
  const findings = compareStructures(expected, found, { adopted: wasAdopted(applied) })
  return { structure: judge('structure', 'SCHEMA_DRIFT', driftHint, findings) }
}

const driftHint =
  'See "migrator schema" for what is there. Undo what was changed by hand, or restore a backup; what shall stay is for a migration.'
const orphansHint =
  'Add the missing parents, or delete the rows: PRAGMA foreign_key_check(TABLE) names each. Where it says "foreign key mismatch", the parent columns need a UNIQUE index.'

export const checks = ['damage', 'foreign keys', 'history', 'structure', 'marker'] as const
export type Check = (typeof checks)[number]

/** A finding of one check. */
export type Judged = Finding &
  Readonly<{
    check: Check
    /** of a difference; null for what does no harm */
    code: FailureCode | null
    /** what to do about it; null where there is nothing to do */
    hint: string | null
  }>

/** Gives each difference its code and what to do about it; what is no difference has neither. */
export const judge = (check: Check, code: FailureCode, hint: string, findings: readonly Finding[]): readonly Judged[] =>
  findings.map(finding =>
    finding.weight === 'difference' ? { check, code, ...finding, hint } : { check, code: null, ...finding, hint: null },
  )

/** @param failure the one that shows the damage */
export const judgeDamage = (database: string, { code, hint, message }: Failure): readonly Judged[] =>
  judge('damage', code, hint, differ('difference', database, 'damage', null, message))

/** Conflicts are differences; pending migrations are told, and are none. */
export const judgeHistory = (conflicts: readonly Conflict[], pending: readonly KnownMigration[]): readonly Judged[] => [
  ...conflicts.flatMap(({ code, name, finding, hint }) =>
    judge('history', code, hint, differ('difference', name, 'history', null, finding)),
  ),
  ...pending.map(
    ({ name: object }): Judged => ({
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

/** A marker that is missing, and one that is not true, both mean that the volume is not ready. */
export const judgeMarker = (marker: Marker | undefined, truth: Truth): readonly Judged[] => {
  const object = 'ready marker'
  const findings =
    marker === undefined
      ? differ('difference', object, 'missing', 'a true one', null)
      : untrueFields(marker, truth).flatMap(field =>
          differ('difference', object, field, String(truth[field]), String(marker[field])),
        )
  return judge('marker', 'NOT_READY', 'Run "migrator up".', findings)
}

/** Where there is no database, and nothing shows that there ever was one. */
export const judgeAbsence = (database: string): readonly Judged[] =>
  judge('marker', 'NOT_READY', 'Run "migrator up".', differ('difference', database, 'missing', 'a database', null))
