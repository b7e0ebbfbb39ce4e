import { statSync } from 'node:fs'
import { listBackups } from '../database/backups.ts'
import { countTables, type TableSize } from '../database/count-tables.ts'
import { Failure } from '../failure.ts'
import type { AppliedMigration } from '../migrations/history.ts'
import { type KnownMigration, readMigrations } from '../migrations/known.ts'
import { type Conflict, makePlan } from '../migrations/plan.ts'
import type { Marker } from '../ready/marker.ts'
import { readState } from '../ready/state.ts'
import { refuseMissingVolume } from '../volume/check-volume.ts'
import type { Context } from './context.ts'
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
 * @throws Failure PENDING, HISTORY_CONFLICT, DATABASE_AHEAD, OUT_OF_ORDER when asked for by `exitCode`; VOLUME_MISSING, DATABASE_DAMAGED, DATABASE_BUSY
 */
export const status = (
  { config, host, print, screen }: Context,
  { json, exitCode }: Readonly<{ json: boolean; exitCode: boolean }>,
): void => {
  refuseMissingVolume(config.volume, host)
  const known = readMigrations(config.migrations)
  const { applied, marker, ready, bytes, journalMode, more: tables } = readState(config, countTables)
  const { pending, conflicts } = makePlan(known, applied)
  const found: Status = {
    database: config.database,
    ready,
    bytes,
    journalMode,
    applied: applied.length,
    pending: pending.length,
    migrations: toMigrations(known, applied, conflicts),
    conflicts,
    tables: tables ?? [],
    marker: marker ?? null,
    backups: listBackups(config.database).map(({ file, madeAt }) => ({ file, bytes: statSync(file).size, madeAt })),
  }
  print(json ? `${JSON.stringify(found)}\n` : statusText(found, screen))
  if (exitCode) refuseBehind(config.database, pending, conflicts)
}

/** The gravest conflict comes first: it is what `up` would end with. */
const refuseBehind = (database: string, pending: readonly KnownMigration[], [conflict]: readonly Conflict[]): void => {
  if (conflict !== undefined)
    throw new Failure(conflict.code, `${database}: ${conflict.name} ${conflict.finding}`, conflict.hint)
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
  const isKnown = (name: string) => known.some(migration => migration.name === name)
  const pending = known.filter(({ name }) => !applied.some(migration => migration.name === name))
  const stateOf = (name: string): MigrationState => {
    if (has(name, 'DATABASE_AHEAD')) return 'ahead'
    if (!isKnown(name)) return 'missing'
    return has(name, 'HISTORY_CONFLICT') ? 'changed' : 'applied'
  }
  return [
    ...applied.map(({ name, applied_at: appliedAt, duration_ms: milliseconds, migrator }) => ({
      name,
      state: stateOf(name),
      appliedAt,
      milliseconds,
      migrator,
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
