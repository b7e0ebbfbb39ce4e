// This command is about SQLite.
import { statSync } from 'node:fs'
import type { Context } from '../context.ts'
import { Failure } from '../failure.ts'
import { adoptedBy } from '../history.ts'
import { type MigrationFile, readMigrationFiles } from '../migrations/files.ts'
import { loadMigrations } from '../migrations/load.ts'
import { headOf, isFromOtherTool, makePlan, migrationMeant, namesHint, refuseConflicts } from '../migrations/plan.ts'
import { requireNotLost } from '../ready/lost.ts'
import { commitWithoutMarker, refuseOthersMarker } from '../ready/marker.ts'
import type { Connection } from '../sqlite/connect.ts'
import { hasHistory, readHistory } from '../sqlite/history.ts'
import { compareSchemas, type Finding } from '../sqlite/schema/compare.ts'
import { readAppSchema, type Schema, tableNamed, without } from '../sqlite/schema/read.ts'
import { withDatabase } from '../sqlite/transaction.ts'
import { prepareHistory, recordApplied, setAside } from '../sqlite/write-history.ts'
import { beforeNextMade, expectedSchemas, matchPrefix } from '../verify/expected.ts'
import { findingLine, findingsText } from './verify.ts'

/** What `adopt --json` prints, documented in docs/commands/adopt.md. Fields are added, never changed. */
type Adoption = Readonly<{
  database: string
  /** the tool that made it; null for a database that needs no adopting */
  tool: Origin['tool'] | null
  revision: string | null
  /** the migration it is at; the nearest one when it was refused */
  schema: string | null
  /** the migrations recorded as applied */
  recorded: readonly string[]
  findings: readonly Finding[]
}>

/**
 * Takes over a database that another tool made: records the migrations whose schema it already has as applied, so `up` continues
 * from there. Decides and records in one transaction under the write lock; changes no other row and keeps the other tool's records.
 * Leaves a database alone, without failing, if `up` understands its history and it has no tables that only pending migrations
 * make. If it has none of the migrations' tables, records nothing, and `up` applies all of them.
 * @param at the migration that it is at, whatever its schema says, for a person who knows; undefined to find it
 * @throws Failure HISTORY_CONFLICT if the schema matches no migration (the nearest is printed first); CONFIG_INVALID if there is
 *   nothing to adopt, or `at` is unknown or before what is applied; whatever opening and locking throw
 */
export const adopt = async (
  context: Context,
  { json, at }: Readonly<{ json: boolean; at?: string }>,
): Promise<void> => {
  const { config, engine, log, print, signal, version } = context
  const { database } = config
  await engine.validate('write')
  refuseOthersMarker(config)
  await requireNotLost(engine, config)
  if (statSync(database, { throwIfNoEntry: false }) === undefined) throw nothingThere(database)
  const known = readMigrationFiles(config.migrations)
  const named = at === undefined ? undefined : migrationMeant(at, known, config.migrations)
  const structures = await expectedSchemas(await loadMigrations(known, signal), version, signal)
  const taken = await withDatabase(context, database, async ({ connection, commit }) => {
    const adoption = takeOver(context, connection, known, structures, named)
    // as around the commit of `up`: where it fails nothing was adopted, and what the marker says stays as true as it was
    if (isAdopted(adoption, named)) await commitWithoutMarker(engine, config.readyFile, commit)
    return adoption
  })
  const { next, ...adoption } = taken
  print(json ? `${JSON.stringify(adoption)}\n` : toText(adoption, named !== undefined))
  const { tool, schema, recorded, findings } = adoption
  if (tool !== null && !isAdopted(adoption, named)) {
    const differences = findings.filter(isDifference)
    throw new Failure(
      'HISTORY_CONFLICT',
      `${database} is not at ${schema}, nor at another migration: ${differences.map(findingLine).join('; ')}`,
      'Change that with the tool that made it, on a copy first, then adopt again; or say by --at which migration it is at, if you know. Nothing was changed.',
    )
  }
  if (tool === null) log.info('adopt.nothing', `${database} needs no adopting: run "migrator up"`, { schema })
  else
    log.info('adopt.done', `adopted ${database} at ${schema ?? 'no migration'}: run ${next}`, {
      tool,
      schema,
      recorded,
    })
}

/** Whether it was, or is to be, recorded: it needs to be, and nothing differs or a person knows where it is. */
const isAdopted = (
  { tool, findings }: Pick<Adoption, 'tool' | 'findings'>,
  named: MigrationFile | undefined,
): boolean => tool !== null && (named !== undefined || !findings.some(isDifference))

const isDifference = ({ weight }: Finding): boolean => weight === 'difference'

const nothingThere = (database: string): Failure =>
  new Failure('CONFIG_INVALID', `there is nothing to adopt in ${database}`, 'Run "migrator up", which makes a new one.')

const takeOver = (
  { config, version }: Context,
  connection: Connection,
  known: readonly MigrationFile[],
  structures: readonly Schema[],
  named: MigrationFile | undefined,
): Adoption & Readonly<{ next: string }> => {
  const { database } = config
  const history = readHistory(connection)
  const foreign = history.filter(migration => isFromOtherTool(migration, known)).map(({ name }) => name)
  const { pending, conflicts } = makePlan(known, history)
  refuseConflicts(
    conflicts.filter(({ name }) => !foreign.includes(name)),
    database,
  )
  const found = readAppSchema(connection)
  const applied = known.length - pending.length
  const given = named === undefined ? undefined : known.indexOf(named) + 1
  if (given !== undefined && given < applied)
    throw new Failure('CONFIG_INVALID', `${database} is beyond ${named?.name}: it is at ${headOf(history)}`, namesHint)
  const isAhead =
    given !== undefined
      ? given > applied
      : hasAny(found, without(structures.at(-1) ?? nothing, structures[applied - 1] ?? nothing))
  if (hasHistory(connection) && foreign.length === 0 && !isAhead)
    return { database, tool: null, revision: null, schema: lastOf(history), recorded: [], findings: [], next: up }
  if (found.tables.length === 0) throw nothingThere(database)
  const origin = readOrigin(connection, foreign.length > 0)
  const isOfMigrations = structures.some(({ tables }) => hasAny(found, tables))
  const compareAt = (length: number) => ({
    length,
    findings: compareSchemas(structures[length - 1] ?? nothing, found, { adopted: true }),
  })
  const { length, findings } =
    given === undefined && isOfMigrations ? matchPrefix(structures, found, applied) : compareAt(given ?? applied)
  const prefix = known.slice(0, length)
  const missing = prefix.filter(migration => pending.includes(migration))
  const until = known[beforeNextMade(structures, found, length) ?? -1]
  const next = until === undefined ? up : `"migrator up --to ${until.name}", then "migrator adopt" again`
  const adoption = { database, ...origin, schema: lastOf(prefix), findings, next }
  if (!isAdopted(adoption, named)) return { ...adoption, recorded: [] }

  prepareHistory(connection, known)
  setAside(connection, foreign)
  const now = new Date().toISOString()
  const migrator = adoptedBy(version, originText(origin))
  for (const { name, checksum } of missing)
    recordApplied(connection, { name, checksum, applied_at: now, duration_ms: null, migrator })
  return { ...adoption, recorded: missing.map(({ name }) => name) }
}

const up = '"migrator up"'

const nothing: Schema = { tables: [], views: [], triggers: [] }

const hasAny = (found: Schema, tables: Schema['tables']): boolean =>
  tables.some(({ name }) => tableNamed(found, name) !== undefined)

const lastOf = (migrations: readonly Readonly<{ name: string }>[]): string | null => migrations.at(-1)?.name ?? null

const toText = ({ database, tool, revision, schema, findings }: Adoption, isNamed: boolean): string => {
  // the log already says so
  if (tool === null) return ''
  const differs = !isNamed && findings.some(isDifference)
  const none = 'has no table of the migrations: "up" applies all of them beside what is there'
  const at = schema === null ? none : `is at ${schema}`
  const place = differs ? `is at no migration; the nearest is ${schema}` : at
  return `${[`${database}, made by ${originText({ tool, revision })}, ${place}`, ...findingsText(findings)].join('\n')}\n`
}

/** The tool that made a database, as far as that tool's own records tell. */
export type Origin = Readonly<{
  tool: 'Alembic' | 'sequelize-cli' | 'another tool'
  /** of Alembic, which may record several; null if it has none, and for other tools */
  revision: string | null
}>

/**
 * Reads the records of other tools. They only say which tool made the database; its schema says what is in it.
 * @param hasForeignRows whether SequelizeMeta names migrations that are not ours
 */
export const readOrigin = (connection: Connection, hasForeignRows: boolean): Origin => {
  const hasAlembic = connection.prepare("SELECT 1 FROM pragma_table_info('alembic_version') WHERE name = 'version_num'")
  if (hasAlembic.get() === undefined) return { tool: hasForeignRows ? 'sequelize-cli' : 'another tool', revision: null }
  const revisions = connection.prepare<[], string>('SELECT version_num FROM alembic_version').pluck().all()
  return { tool: 'Alembic', revision: revisions.join(', ') || null }
}

/** For people and for the history: `Alembic 2e6e20f4bc94`. */
export const originText = ({ tool, revision }: Origin): string => (revision === null ? tool : `${tool} ${revision}`)
