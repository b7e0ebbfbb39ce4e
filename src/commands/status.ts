import { statSync } from 'node:fs'
import { listBackups } from '../database/backups.ts'
import { countTables, type TableSize } from '../database/count-tables.ts'
import { whenFree } from '../database/wait.ts'
import { Failure } from '../failure.ts'
import { findForeign } from '../migrations/find-foreign.ts'
import type { AppliedMigration } from '../migrations/history.ts'
import { type KnownMigration, readMigrations } from '../migrations/known.ts'
import { type Conflict, isChanged, makePlan, refuseConflicts } from '../migrations/plan.ts'
import type { Marker } from '../ready/marker.ts'
import { refuseLostDatabase } from '../ready/refuse-lost-database.ts'
import { readState } from '../ready/state.ts'
import { refuseMissingVolume } from '../volume/check-volume.ts'
import { type Context, patienceOf } from './context.ts'
import { statusText } from './status-text.ts'

export type MigrationState = 'applied' | 'pending' | 'changed' | 'missing' | 'ahead' | 'out of order'

/** What `status --json` prints, documented in docs/commands.md. Fields are added, never changed. */
export type Status = Readonly<{
  database: string
  /** the ready marker is there and true */
  ready: boolean
  /** of the database and its journal */
  bytes: number
  journalMode: 'wal' | 'rollback' | null
  /** how many migrations are applied, whatever else is to say of them, and how many are not yet */
  applied: number
  pending: number
  migrations: readonly Readonly<{
    name: string
    state: MigrationState
    /** ISO 8601, UTC; null where it is not known */
    appliedAt: string | null
    milliseconds: number | null
    /** the version that applied it */
    migrator: string | null
  }>[]
  conflicts: readonly Conflict[]
  tables: readonly TableSize[]
  marker: Marker | null
  backups: readonly Readonly<{ file: string; bytes: number; madeAt: string }>[]
}>

/**
 * Shows what is on the volume. Reads only: creates nothing, and no writer waits for it.
 * @throws Failure when asked for by `exitCode`: PENDING, and before that what `up` would refuse the database with (HISTORY_CONFLICT,
 *   DATABASE_AHEAD, OUT_OF_ORDER, DATABASE_DAMAGED); VOLUME_MISSING, DATABASE_DAMAGED, DATABASE_BUSY
 */
export const status = async (
  context: Context,
  { json, exitCode }: Readonly<{ json: boolean; exitCode: boolean }>,
): Promise<void> => {
  const { config, host, print, screen } = context
  refuseMissingVolume(config.volume, host)
  const known = readMigrations(config.migrations)
  const read = () =>
    readState(config, connection => ({ tables: countTables(connection), foreign: findForeign(connection) }))
  const { applied, marker, ready, bytes, journalMode, more } = await whenFree(read, patienceOf(context))
  const { pending, conflicts: inHistory } = makePlan(known, applied)
  const conflicts = [...(more?.foreign ?? []), ...inHistory]
  const found: Status = {
    database: config.database,
    ready,
    bytes,
    journalMode,
    applied: applied.length,
    pending: pending.length,
    migrations: toMigrations(known, applied, conflicts),
    conflicts,
    tables: more?.tables ?? [],
    marker: marker ?? null,
    backups: listBackups(config.database).map(({ file, madeAt }) => ({ file, bytes: statSync(file).size, madeAt })),
  }
  print(json ? `${JSON.stringify(found)}\n` : statusText(found, screen))
  if (!exitCode) return
  refuseLostDatabase(config)
  refuseConflicts(conflicts, config.database)
  refuseBehind(config.database, pending)
}

const refuseBehind = (database: string, pending: readonly KnownMigration[]): void => {
  if (pending.length === 0) return
  const names = pending.map(({ name }) => name).join(', ')
  throw new Failure('PENDING', `${database} has pending migrations: ${names}`, 'Run "migrator up".')
}

const toMigrations = (
  known: readonly KnownMigration[],
  applied: readonly AppliedMigration[],
  conflicts: readonly Conflict[],
): Status['migrations'] => {
  const has = (name: string, code: Conflict['code']) =>
    conflicts.some(conflict => conflict.name === name && conflict.code === code)
  const pending = known.filter(({ name }) => !applied.some(migration => migration.name === name))
  const stateOf = (migration: AppliedMigration): MigrationState => {
    if (has(migration.name, 'DATABASE_AHEAD')) return 'ahead'
    const file = known.find(({ name }) => name === migration.name)
    if (file === undefined) return 'missing'
    return isChanged(migration, file) ? 'changed' : 'applied'
  }
  return [
    ...applied.map(migration => ({
      name: migration.name,
      state: stateOf(migration),
      appliedAt: migration.applied_at,
      milliseconds: migration.duration_ms,
      migrator: migration.migrator,
    })),
    ...pending.map(({ name }) => ({
      name,
      state: has(name, 'OUT_OF_ORDER') ? ('out of order' as const) : ('pending' as const),
      appliedAt: null,
      milliseconds: null,
      migrator: null,
    })),
  ].sort((a, b) => (a.name < b.name ? -1 : 1))
}
