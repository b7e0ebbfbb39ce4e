import type { Context } from '../context.ts'
import { Failure } from '../failure.ts'
import { readMigrationFiles } from '../migrations/files.ts'
import { requireNotLost } from '../ready/lost.ts'
import { withdrawMarker } from '../ready/marker.ts'
import { findUnchanged } from '../ready/readiness.ts'

/**
 * Brings the volume's database to the schema of the known migrations and leaves a true ready marker.
 * With nothing to do this is all that is loaded and done: no Umzug, no Sequelize, no lock, no write.
 * @param to the last migration that is to be applied; undefined for all
 */
export const up = async (context: Context, to: string | undefined): Promise<void> => {
  const { config, engine, log, version } = context
  await engine.validate('write')
  const files = readMigrationFiles(config.migrations)
  if (to !== undefined && !files.some(({ name }) => name === to))
    throw (await import('../migrations/plan.ts')).unknownMigration(to, files, config.migrations)
  try {
    await requireNotLost(engine, config)
    const session = await engine.open()
    try {
      const unchanged = to === undefined ? await findUnchanged(config, session, files, version) : undefined
      if (unchanged === undefined) await (await import('../ready/bring-up.ts')).bringUp(context, session, files, to)
      else {
        const { schema } = unchanged
        log.info('up.nothing', `nothing to do: ${config.database} is at ${schema}`, { schema })
      }
      await session.close()
    } catch (error) {
      const failure = engine.explain(error)
      await session.close(failure)
      throw failure
    }
  } catch (error) {
    const failure = engine.explain(error)
    if (failure instanceof Failure && failure.code === 'DATABASE_DAMAGED') withdrawMarker(config.readyFile)
    throw failure
  }
}
