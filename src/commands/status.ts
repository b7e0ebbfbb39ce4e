import { basename } from 'node:path'
import { listBackups } from '../backup/backups.ts'
import type { Context } from '../context.ts'
import type { ServerState, TableSize } from '../engine.ts'
import { attemptAsync, Failure, isFailure, must, printable } from '../failure.ts'
import { statSync } from '../fs.ts'
import type { AppliedMigration } from '../history.ts'
import { findLeftovers, type Leftover, leftoversText } from '../leftovers/leftovers.ts'
import { type Screen, type Style, withCommand } from '../log.ts'
import { metricsText } from '../metrics/prometheus.ts'
import { type MigrationFile, readMigrationFiles } from '../migrations/files.ts'
import { type Conflict, isChanged, makePlan, readPlan, refuseConflicts } from '../migrations/plan.ts'
import { dialectOf, saysReady } from '../on-server/history.ts'
import { requireNotLost } from '../ready/lost.ts'
import type { Marker } from '../ready/marker.ts'
import { readState } from '../ready/readiness.ts'
import { formatBytes, formatCount, formatThings, formatTime, headedTable, listed } from '../text.ts'
import { explainDamage } from './restore.ts'

export type StatusFormat = 'text' | 'json' | 'prometheus'

type MigrationState = 'applied' | 'pending' | 'changed' | 'missing' | 'ahead' | 'out of order'

/** What `status --json` prints, documented in docs/commands.md. Fields are added, never changed. */
export type Status = Readonly<{
  database: string
  /** the ready marker exists and is true */
  ready: boolean
  /** of the database and its journal */
  bytes: number
  journalMode: 'wal' | 'rollback' | null
  /** how many migrations are applied (changed, missing and ahead ones too), and how many are not yet */
  applied: number
  pending: number
  migrations: readonly Readonly<{
    name: string
    state: MigrationState
    /** ISO 8601, UTC; null if unknown */
    appliedAt: string | null
    milliseconds: number | null
    /** the version that applied it */
    migrator: string | null
  }>[]
  conflicts: readonly Conflict[]
  tables: readonly TableSize[]
  marker: Marker | null
  backups: readonly Readonly<{ file: string; bytes: number; madeAt: string }>[]
  /** what shows that the database had data which is gone, and what to do; null if it is not lost */
  lost: Readonly<{ finding: string; hint: string }> | null
  /** what runs and restores left on the volume */
  leftovers: readonly Leftover[]
  /** what the server tells; null for a file */
  server: ServerState | null
}>

/**
 * Shows what is on the volume. Reads only: creates nothing and blocks no writer.
 * @throws Failure with `exitCode`: what `up` would refuse the database with (HISTORY_CONFLICT, DATABASE_AHEAD, OUT_OF_ORDER,
 *   DATABASE_DAMAGED), or else PENDING; always: VOLUME_MISSING, DATABASE_DAMAGED, DATABASE_BUSY
 */
export const status = async (
  context: Context,
  { format, exitCode }: Readonly<{ format: StatusFormat; exitCode: boolean }>,
): Promise<void> => {
  const { config, engine, print, screen } = context
  await engine.validate('read')
  const known = readMigrationFiles(config.migrations, dialectOf(engine))
  const server = (await engine.server?.describe()) ?? null
  const { applied, marker, ready, more } = await readState(engine, config, 'wait', async reader => ({
    tables: await reader.rows(),
    plan: await readPlan(reader, known),
  }))
  const { pending, conflicts } = more?.plan ?? makePlan(known, [])
  const isReady = server === null ? ready : saysReady({ applied, pending, conflicts })
  const backups = server === null ? listBackups(config.database) : []
  const found: Status = {
    database: config.database,
    ready: isReady,
    bytes: server === null ? must(engine.file).bytes() : server.bytes,
    journalMode: engine.file?.journalMode() ?? null,
    applied: applied.length,
    pending: pending.length,
    migrations: toMigrations(known, applied, conflicts),
    conflicts,
    tables: more?.tables ?? [],
    marker: marker ?? null,
    backups: backups.map(({ file, madeAt }) => ({ file, bytes: statSync(file).size, madeAt })),
    lost: server === null ? await findLoss(context) : null,
    leftovers: server === null ? findLeftovers(config) : [],
    server,
  }
  const formats: Readonly<Record<StatusFormat, () => string>> = {
    text: () => withCommand(statusText(found, screen), config.command),
    json: () => `${JSON.stringify(found)}\n`,
    prometheus: () => statusMetrics(found, applied.at(-1)?.name, context.version),
  }
  print(formats[format]())
  if (!exitCode) return
  if (server === null) await requireNotLost(engine, config)
  refuseConflicts(conflicts, config.database)
  refuseBehind(config.database, pending)
}

/** Whether `up` would find the database lost, with the command that brings it back. */
const findLoss = async (context: Context): Promise<Status['lost']> => {
  const outcome = await attemptAsync(() => requireNotLost(context.engine, context.config))
  if (!('error' in outcome)) return null
  if (!isFailure(outcome.error, 'DATABASE_DAMAGED')) throw outcome.error
  const { message, hint } = await explainDamage(outcome.error, context)
  return { finding: message, hint }
}

const statusMetrics = (
  { ready, pending, bytes, tables, marker, backups }: Status,
  schema: string | undefined,
  version: string,
): string =>
  metricsText({
    version,
    schema,
    ready,
    pending,
    bytes: bytes === 0 ? undefined : bytes,
    tables,
    lastBackup: backups.at(-1)?.madeAt,
    lastCheck: marker?.checkedAt ?? undefined,
  })

const refuseBehind = (database: string, pending: readonly MigrationFile[]): void => {
  if (pending.length === 0) return
  const names = listed(pending.map(({ name }) => name))
  throw new Failure('PENDING', `${database} has pending migrations: ${names}`, 'Run `migrator up`.')
}

const toMigrations = (
  known: readonly MigrationFile[],
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

/** What `status` shows to a person: paragraphs, without the empty ones. Times are in UTC. */
export const statusText = (found: Status, screen: Screen): string => {
  const paragraphs = [
    summary(found, screen),
    lossText(found, screen),
    migrationTable(found, screen),
    conflicts(found, screen),
    tableSizes(found, screen),
    found.server === null ? markerAndBackups(found, screen) : [],
    leftoversText(found.leftovers, screen),
  ]
  const filled = paragraphs.filter(lines => lines.length > 0).map(lines => lines.join('\n'))
  return `${filled.join('\n\n')}\n`
}

const summary = (
  { database, applied, pending, ready, marker, bytes, journalMode, lost, server }: Status,
  { paint }: Screen,
) => [
  [
    `${database}: ${applied} applied`,
    paint(pending === 0 ? 'green' : 'yellow', `${pending} pending`),
    // a hub of this image waits for pending migrations even if the marker is true
    ready
      ? paint('green', pending === 0 ? 'ready' : `ready at ${printable(must(marker).schema)}`)
      : paint('yellow', 'not ready'),
  ].join(', '),
  ...(lost !== null ? [] : [server === null ? fileText(bytes, journalMode) : serverText(server)]),
]

const lossText = ({ lost }: Status, { paint }: Screen): readonly string[] =>
  lost === null ? [] : [paint('red', lost.finding), `  ${lost.hint}`]

const fileText = (bytes: number, journalMode: Status['journalMode']): string =>
  journalMode === null ? 'no database yet' : `${formatBytes(bytes)}, journal mode ${journalMode}`

const serverText = ({ version, bytes, standby, lag }: ServerState): string => {
  const behind = lag === null ? '' : `, which has replayed what was committed ${formatCount(lag)} s ago`
  return `${formatBytes(bytes)}, ${version}${standby ? `, a standby${behind}` : ''}`
}

const colours: Readonly<Record<MigrationState, Style>> = {
  applied: 'green',
  pending: 'yellow',
  changed: 'red',
  missing: 'red',
  ahead: 'red',
  'out of order': 'red',
}

/** A table that fits a screen, and how many rows are left out: `--json` has them. */
const shortTable = (
  screen: Screen,
  heading: readonly string[],
  rows: readonly (readonly string[])[],
  more: number,
): readonly string[] => [
  ...headedTable(screen, heading, rows),
  ...(more > 0 ? [`  and ${formatCount(more)} more, with --json`] : []),
]

const migrationTable = ({ migrations }: Status, screen: Screen) =>
  shortTable(
    screen,
    ['migration', 'state', 'applied (UTC)', 'took', 'by'],
    shownMigrations(migrations).map(({ name, state, appliedAt, milliseconds, migrator }) => [
      name,
      screen.paint(colours[state], state),
      formatTime(appliedAt ?? ''),
      milliseconds === null ? '' : `${formatCount(milliseconds)} ms`,
      migrator ?? '',
    ]),
    migrations.length - shownMigrations(migrations).length,
  )

/** Of many migrations the last ten that are applied, the first ten that are not, and ten that something is wrong with. */
const shownMigrations = (migrations: Status['migrations']): Status['migrations'] => {
  const [applied, pending] = [migrations.filter(isIn('applied')), migrations.filter(isIn('pending'))]
  const wrong = migrations.filter(migration => !applied.includes(migration) && !pending.includes(migration))
  const shown = new Set([...applied.slice(-10), ...pending.slice(0, 10), ...wrong.slice(0, 10)])
  return migrations.filter(migration => shown.has(migration))
}

const isIn =
  (state: MigrationState) =>
  (migration: Status['migrations'][number]): boolean =>
    migration.state === state

const conflicts = ({ conflicts }: Status, { paint }: Screen) =>
  conflicts
    .slice(0, 5)
    .flatMap(({ code, name, finding, hint }) => [
      `${paint('red', code)}: ${printable(`${name} ${finding}`)}`,
      `  ${hint}`,
    ])
    .concat(conflicts.length > 5 ? [`and ${formatThings(conflicts.length - 5, 'more conflict')}, with --json`] : [])

const tableSizes = ({ tables }: Status, screen: Screen) =>
  tables.length === 0
    ? []
    : shortTable(
        screen,
        ['table', 'rows'],
        tables.slice(0, 20).map(({ name, rows }) => [name, formatCount(rows)]),
        tables.length - 20,
      )

const markerAndBackups = ({ marker, ready, backups }: Status, screen: Screen) => [
  marker === null
    ? 'no ready marker'
    : `ready marker of ${printable(marker.schema)}, written ${formatTime(marker.readyAt)}${ready ? '' : screen.paint('yellow', ', not true of this database')}`,
  ...(backups.length === 0
    ? ['no backups']
    : [
        `${formatThings(backups.length, 'backup')}, ${formatBytes(backups.reduce((sum, { bytes }) => sum + bytes, 0))}:`,
        ...shortTable(
          screen,
          ['backup', 'size', 'made (UTC)'],
          backups.slice(-10).map(({ file, bytes, madeAt }) => [basename(file), formatBytes(bytes), formatTime(madeAt)]),
          backups.length - 10,
        ),
      ]),
]
