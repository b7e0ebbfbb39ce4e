import { statSync } from 'node:fs'
import type { Finding } from '../database/finding.ts'
import type { Connection } from '../database/open.ts'
import type { Structure } from '../database/structure.ts'
import { Failure } from '../failure.ts'
import { adoptedBy } from '../migrations/adopted.ts'
import { expectedStructures } from '../migrations/expected-structures.ts'
import { hasHistory, prepareHistory, readHistory, recordApplied, setAside } from '../migrations/history.ts'
import { readHubStructure } from '../migrations/hub-structure.ts'
import { type KnownMigration, readMigrations } from '../migrations/known.ts'
import { loadMigrations } from '../migrations/load.ts'
import { matchPrefix } from '../migrations/match-prefix.ts'
import { type Origin, originText, readOrigin } from '../migrations/origin.ts'
import { isForeign, makePlan, refuseConflicts } from '../migrations/plan.ts'
import { withdrawMarker } from '../ready/marker.ts'
import { refuseLostDatabase } from '../ready/refuse-lost-database.ts'
import { checkVolume } from '../volume/check-volume.ts'
import type { Context } from './context.ts'
import { findingLine, findingsText } from './findings-text.ts'
import { withDatabase } from './with-database.ts'

/** What `adopt --json` prints, documented in docs/commands/adopt.md. Fields are added, never changed. */
type Adoption = Readonly<{
  database: string
  /** what made it; null for a database that needs no adopting */
  tool: Origin['tool'] | null
  revision: string | null
  /** the migration that it is at, or the nearest when it was refused */
  schema: string | null
  /** the migrations that were recorded as applied */
  recorded: readonly string[]
  findings: readonly Finding[]
}>

/**
 * Takes over a database that another tool made: records as applied the migrations whose structure it has, so that `up` goes on
 * from there. Everything is decided and recorded under the write lock, in one transaction; no other row is changed, and the
 * other tool's records stay. A database with a history that `up` understands is left alone, and that is no failure.
 * @throws Failure HISTORY_CONFLICT when the structure is that of no migrations, after the nearest was shown, and for an
 *   unknown revision of Alembic; CONFIG_INVALID when there is nothing to adopt; what opening and locking throw
 */
export const adopt = async (context: Context, { json }: Readonly<{ json: boolean }>): Promise<void> => {
  const { config, host, log, print, signal, version } = context
  const { database } = config
  checkVolume(config, host)
  refuseLostDatabase(config)
  if (statSync(database, { throwIfNoEntry: false }) === undefined) throw nothingThere(database)
  const known = readMigrations(config.migrations)
  const structures = await expectedStructures(await loadMigrations(known), version, signal)
  const adoption = await withDatabase(context, database, async connection =>
    takeOver(context, connection, known, structures),
  )
  print(json ? `${JSON.stringify(adoption)}\n` : toText(adoption))
  const { tool, schema, recorded, findings } = adoption
  const differences = findings.filter(({ weight }) => weight === 'difference')
  if (differences.length > 0) {
    throw new Failure(
      'HISTORY_CONFLICT',
      `${database} is not at ${schema}, nor at another migration: ${differences.map(findingLine).join('; ')}`,
      'Change that with the tool that made it, on a copy first, then adopt again. Nothing was changed.',
    )
  }
  if (tool === null) log.info('adopt.nothing', `${database} needs no adopting: run "migrator up"`, { schema })
  else log.info('adopt.done', `adopted ${database} at ${schema}: run "migrator up"`, { tool, schema, recorded })
}

const nothingThere = (database: string): Failure =>
  new Failure('CONFIG_INVALID', `there is nothing to adopt in ${database}`, 'Run "migrator up", which makes a new one.')

const takeOver = (
  { config, version }: Context,
  connection: Connection,
  known: readonly KnownMigration[],
  structures: readonly Structure[],
): Adoption => {
  const { database } = config
  const history = readHistory(connection)
  const foreign = history.filter(migration => isForeign(migration, known)).map(({ name }) => name)
  const { pending, conflicts } = makePlan(known, history)
  refuseConflicts(
    conflicts.filter(({ name }) => !foreign.includes(name)),
    database,
  )
  if (hasHistory(connection) && foreign.length === 0) {
    return { database, tool: null, revision: null, schema: lastOf(history), recorded: [], findings: [] }
  }
  const found = readHubStructure(connection)
  if (found.tables.length === 0) throw nothingThere(database)
  const origin = readOrigin(connection, database, foreign.length > 0)
  const { length, findings } = matchPrefix(structures, found, known.length - pending.length)
  const prefix = known.slice(0, length)
  const missing = prefix.filter(migration => pending.includes(migration))
  const adoption = { database, ...origin, schema: lastOf(prefix), findings }
  if (findings.some(({ weight }) => weight === 'difference')) return { ...adoption, recorded: [] }

  prepareHistory(connection, known)
  setAside(connection, foreign)
  const now = new Date().toISOString()
  const migrator = adoptedBy(version, originText(origin))
  for (const { name, checksum } of missing)
    recordApplied(connection, { name, checksum, applied_at: now, duration_ms: null, migrator })
  withdrawMarker(config.readyFile)
  return { ...adoption, recorded: missing.map(({ name }) => name) }
}

const lastOf = (migrations: readonly Readonly<{ name: string }>[]): string | null => migrations.at(-1)?.name ?? null

const toText = ({ database, tool, revision, schema, findings }: Adoption): string => {
  // the log says so
  if (tool === null) return ''
  const differs = findings.some(({ weight }) => weight === 'difference')
  const place = differs ? `is at no migration; the nearest is ${schema}` : `is at ${schema}`
  return `${[`${database}, made by ${originText({ tool, revision })}, ${place}`, ...findingsText(findings)].join('\n')}\n`
}
