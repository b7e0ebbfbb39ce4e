import type { Context } from '../context.ts'
import { isFailure } from '../failure.ts'
import { statSync } from '../fs.ts'
import { readMigrationFiles } from '../migrations/files.ts'
import { requireNotLost } from '../ready/lost.ts'
import { othersMarker, ownMarker, refuseOthersMarker, withdrawMarker } from '../ready/marker.ts'
import { findUnchanged } from '../ready/readiness.ts'

/**
 * Brings the volume's database to the schema of the known migrations and leaves a true ready marker. With nothing to do
 * it loads and does nothing else: no Umzug, no Sequelize, no lock, no write.
 *
 * If the marker is another database's, this one gets a marker of its own, and the run still fails: a hub that does not
 * know would read the other one. On a server there is no marker, and the history says what is ready.
 * @param to the last migration to apply; undefined for all
 * @throws Failure CONFIG_INVALID for a marker that is another database's, or none; what its steps throw
 */
export const up = async (context: Context, to: string | undefined): Promise<void> =>
  context.config.metricsFile === undefined
    ? run(context, to)
    : (await import('../metrics/report.ts')).reporting(context, to, run)

const run = async (context: Context, to: string | undefined): Promise<void> => {
  const { config, engine } = context
  if (engine.server !== undefined) return (await import('../on-server/up.ts')).upOnServer(context, to)
  await engine.validate('write')
  const taken = othersMarker(config)
  if (taken === undefined) return bringUpOrLeave(context, to)
  if (!taken.isMarker) throw taken.refusal
  const own = { ...config, readyFile: ownMarker(config) }
  refuseOthersMarker(own)
  await bringUpOrLeave({ ...context, config: own }, to)
  throw taken.refusal
}

const bringUpOrLeave = async (context: Context, to: string | undefined): Promise<void> => {
  const { config, engine, log, version } = context
  const files = readMigrationFiles(config.migrations)
  const last =
    to === undefined ? undefined : (await import('../named.ts')).migrationMeant(to, files, config.migrations).name
  try {
    await requireNotLost(engine, config)
    const session = await engine.open()
    try {
      const unchanged = last === undefined ? await findUnchanged(config, session, files, version) : undefined
      if (unchanged === undefined) await (await import('../ready/bring-up.ts')).bringUp(context, session, files, last)
      else {
        const { schema } = unchanged
        log.info('up.nothing', `nothing to do: ${config.database} is at ${schema}`, { schema })
      }
      await session.close()
    } catch (error) {
      await session.close(engine.explain(error))
      throw error
    }
  } catch (error) {
    const failure = engine.explain(error)
    if (isFailure(failure, 'DATABASE_DAMAGED') || isNoFile(config.database)) withdrawMarker(config.readyFile)
    throw failure
  }
}

/** Docker creates a folder in place of a file that it should mount and cannot find. */
const isNoFile = (database: string): boolean => statSync(database, { throwIfNoEntry: false })?.isFile() === false
