import { attempt } from '../attempt.ts'
import type { Config } from '../config.ts'
import { inspectByHelper, refuseDamage } from '../database/check-database.ts'
import { compareStructures } from '../database/compare-structures.ts'
import { findOrphans } from '../database/orphans.ts'
import { toFailure } from '../database/sqlite-failure.ts'
import type { Structure } from '../database/structure.ts'
import { whenFree } from '../database/wait.ts'
import { Failure } from '../failure.ts'
import { wasAdopted } from '../migrations/adopted.ts'
import { expectedStructures } from '../migrations/expected-structures.ts'
import { findForeign } from '../migrations/find-foreign.ts'
import type { AppliedMigration } from '../migrations/history.ts'
import { readHubStructure } from '../migrations/hub-structure.ts'
import type { KnownMigration } from '../migrations/known.ts'
import { loadMigrations } from '../migrations/load.ts'
import { makePlan } from '../migrations/plan.ts'
import { refuseLostDatabase } from '../ready/refuse-lost-database.ts'
import { readState } from '../ready/state.ts'
import { type Context, patienceOf } from './context.ts'
import { helperOf } from './helper-of.ts'
import { type Check, type Judged, judge, judgeAbsence, judgeDamage, judgeHistory, judgeMarker } from './judge.ts'

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
