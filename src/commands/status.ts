import { statSync } from 'node:fs'
import { basename } from 'node:path'
import { listBackups } from '../database/backups.ts'
import { countTables, type TableSize } from '../database/count-tables.ts'
import { Failure } from '../failure.ts'
import type { AppliedMigration } from '../migrations/history.ts'
import { type KnownMigration, readMigrations } from '../migrations/known.ts'
import { type Conflict, makePlan } from '../migrations/plan.ts'
import type { Marker } from '../ready/marker.ts'
import { readState } from '../ready/state.ts'
import { formatBytes, textTable } from '../text-table.ts'
import { refuseMissingVolume } from '../volume/check-volume.ts'
import type { Context } from './context.ts'

type MigrationState = 'applied' | 'pending' | 'changed' | 'missing' | 'ahead' | 'out of order'

/** What `status --json` prints, documented in docs/commands.md. Fields are added, never changed. */
type Status = Readonly<{
  database: string
  /** the ready marker is there and true */
  ready: boolean
  /** of the database and its journal */
  bytes: number
  journalMode: 'wal' | 'rollback' | null
  migrations: readonly Readonly<{
    name: string
    state: MigrationState
    /** ISO 8601, UTC; null where it is not known */
    appliedAt: string | null
    milliseconds: number | null
    /** the version that applied it */
    migrator: string | null
  }>[]
  conflicts: readonly Readonly<{ code: string; name: string; finding: string }>[]
  tables: readonly TableSize[]
  marker: Marker | null
  backups: readonly Readonly<{ file: string; bytes: number; madeAt: string }>[]
}>

/**
 * Shows what is on the volume. Reads only: creates nothing, and no writer waits for it.
 * @throws Failure PENDING when asked for by `exitCode`; VOLUME_MISSING, DATABASE_DAMAGED, DATABASE_BUSY
 */
export const status = (
  { config, host, print }: Context,
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
    migrations: toMigrations(known, applied, conflicts),
    conflicts: conflicts.map(({ code, name, finding }) => ({ code, name, finding })),
    tables: tables ?? [],
    marker: marker ?? null,
    backups: listBackups(config.database).map(({ file, madeAt }) => ({ file, bytes: statSync(file).size, madeAt })),
  }
  print(json ? `${JSON.stringify(found)}\n` : toText(found))
  if (!exitCode || pending.length === 0) return
  const names = pending.map(({ name }) => name).join(', ')
  throw new Failure('PENDING', `${config.database} has pending migrations: ${names}`, 'Run "migrator up".')
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

const toText = ({ database, ready, bytes, journalMode, migrations, conflicts, tables, ...rest }: Status): string => {
  const { marker, backups } = rest
  const pending = migrations.filter(({ state }) => state === 'pending' || state === 'out of order').length
  const lines = [
    `${database}: ${pending} pending, ${ready ? 'ready' : 'not ready'}`,
    ...textTable(
      migrations.map(({ name, state, appliedAt, milliseconds, migrator }) => [
        name,
        state,
        appliedAt ?? '',
        milliseconds === null ? '' : `${milliseconds} ms`,
        migrator ?? '',
      ]),
    ),
    ...conflicts.map(({ code, name, finding }) => `  ${code}: ${name} ${finding}`),
    journalMode === null ? 'no database' : `${formatBytes(bytes)}, journal mode ${journalMode}`,
    ...textTable(tables.map(({ name, rows }) => [name, `${rows} rows`])),
    marker === null ? 'no ready marker' : `ready marker of ${marker.schema}, written ${marker.readyAt}`,
    `${backups.length} backups`,
    ...textTable(backups.map(({ file, bytes: size, madeAt }) => [basename(file), formatBytes(size), madeAt])),
  ]
  return `${lines.join('\n')}\n`
}
