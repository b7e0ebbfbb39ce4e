// This command is about SQLite, and asks of a server what verify/on-server.ts knows.

import type { Context } from '../context.ts'
import { Failure } from '../failure.ts'
import { statSync } from '../fs.ts'
import { type MigrationFile, readMigrationFiles } from '../migrations/files.ts'
import { loadMigrations } from '../migrations/load.ts'
import { migrationMeant } from '../named.ts'
import { dialectOf } from '../on-server/history.ts'
import { loadForTrial } from '../on-server/online.ts'
import { requireNotLost } from '../ready/lost.ts'
import { commitWithoutMarker, refuseOthersMarker } from '../ready/marker.ts'
import type { Connection } from '../sqlite/connect.ts'
import { hasHistory, readHistory } from '../sqlite/history.ts'
import { readAppSchema } from '../sqlite/schema/read.ts'
import { withDatabase } from '../sqlite/transaction.ts'
import { prepareHistory, recordApplied, setAside } from '../sqlite/write-history.ts'
import { listed } from '../text.ts'
import {
  type Adoption,
  isAdopted,
  isDifference,
  nothingThere,
  type Origin,
  originText,
  takeOver,
} from '../verify/adoption.ts'
import { expectedSchemas, sqliteComparison } from '../verify/expected.ts'
import { findingLine, findingsText } from './verify.ts'

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
  const { config, engine, log, print } = context
  const { database } = config
  const isFile = engine.server === undefined
  await engine.validate('write')
  if (isFile) await requireFile(context)
  const known = readMigrationFiles(config.migrations, dialectOf(engine))
  const named = at === undefined ? undefined : migrationMeant(at, known, config.migrations)
  const { next, ...adoption } = await (isFile ? adoptFile : adoptOnServer)(context, known, named)
  print(json ? `${JSON.stringify(adoption)}\n` : toText(adoption, named !== undefined))
  const { tool, schema, recorded, findings } = adoption
  if (tool !== null && !isAdopted(adoption, named)) {
    const differences = findings.filter(isDifference)
    throw new Failure(
      'HISTORY_CONFLICT',
      `${database} matches no migration; the nearest is ${schema}: ${listed(differences.map(findingLine), '; ')}`,
      'Nothing was changed. Change that with the tool that made it, on a copy first, then run `migrator adopt` again; or give the migration that it is at, if you know it, with --at.',
    )
  }
  if (tool === null) log.info('adopt.nothing', `nothing to adopt in ${database}: run \`migrator up\``, { schema })
  else
    log.info('adopt.done', `adopted ${database} at ${schema ?? 'no migration'}: run ${next}`, {
      tool,
      schema,
      recorded,
    })
}

const requireFile = async ({ config, engine }: Context): Promise<void> => {
  refuseOthersMarker(config)
  await requireNotLost(engine, config)
  if (statSync(config.database, { throwIfNoEntry: false }) === undefined) throw nothingThere(config.database)
}

const adoptFile = async (
  context: Context,
  known: readonly MigrationFile[],
  named: MigrationFile | undefined,
): Promise<Adoption & Readonly<{ next: string }>> => {
  const { config, engine, signal, version } = context
  const { database, readyFile } = config
  const structures = await expectedSchemas(await loadMigrations(known, signal), version, signal)
  return withDatabase(context, database, async ({ connection, commit }) => {
    const adoption = await takeOver(
      context,
      {
        history: readHistory(connection),
        hasHistory: hasHistory(connection),
        found: readAppSchema(connection),
        comparison: sqliteComparison,
        origin: async hasForeignRows => readOrigin(connection, hasForeignRows),
        prepareHistory: async known => prepareHistory(connection, known),
        setAside: async names => setAside(connection, names),
        record: async migration => recordApplied(connection, migration),
      },
      known,
      structures,
      named,
    )
    // as around the commit of `up`: where it fails nothing was adopted, and what the marker says stays as true as it was
    if (isAdopted(adoption, named)) await commitWithoutMarker(engine, readyFile, commit)
    return adoption
  })
}

const adoptOnServer = async (
  context: Context,
  known: readonly MigrationFile[],
  named: MigrationFile | undefined,
): Promise<Adoption & Readonly<{ next: string }>> => {
  const { engine, signal } = context
  const { adoptable, expectedOnServer } = await import('../verify/on-server.ts')
  const structures = await expectedOnServer(context, await loadForTrial(known, signal))
  const session = await engine.open()
  try {
    return await session.transaction(async transaction => {
      await transaction.probe()
      return takeOver(context, await adoptable(transaction), known, structures, named)
    })
  } finally {
    await session.close()
  }
}

const toText = ({ database, tool, revision, schema, findings }: Adoption, isNamed: boolean): string => {
  // the log already says so
  if (tool === null) return ''
  const differs = !isNamed && findings.some(isDifference)
  const none = 'has no table of the migrations: "up" applies all of them beside what is there'
  const at = schema === null ? none : `is at ${schema}`
  const place = differs ? `is at no migration; the nearest is ${schema}` : at
  return `${[`${database}, made by ${originText({ tool, revision })}, ${place}`, ...findingsText(findings)].join('\n')}\n`
}

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
