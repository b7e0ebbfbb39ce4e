import { setTimeout } from 'node:timers/promises'
import type { Context } from '../context.ts'
import { attemptAsync, Failure, isFailure } from '../failure.ts'
import { type MigrationFile, readMigrationFiles } from '../migrations/files.ts'
import { readMarker } from '../ready/marker.ts'
import { readState } from '../ready/readiness.ts'

/** Milliseconds between checks. */
const pause = 100

/**
 * Returns once the ready marker exists and is true for this image, for hubs that start outside Compose. Reads only.
 * @param seconds how long to wait; MIGRATOR_LOCK_TIMEOUT if undefined
 * @throws Failure NOT_READY when the time is up; VOLUME_MISSING, DATABASE_DAMAGED
 */
export const wait = async (context: Context, seconds: number | undefined): Promise<void> => {
  const { config, log, signal } = context
  const known = readMigrationFiles(config.migrations)
  const limit = seconds ?? config.lockTimeout
  const deadline = performance.now() + limit * 1000
  const head = known.at(-1)?.name
  const { database, readyFile } = config
  for (let tries = 0; !(await isReady(context, known)); tries += 1) {
    if (performance.now() >= deadline) {
      const reason = `${database} is not ready for ${head} after ${limit} s`
      throw new Failure('NOT_READY', reason, `Run "migrator up"; see "migrator status" for what ${readyFile} lacks.`)
    }
    if (tries === 0)
      log.info('wait.waiting', `waiting up to ${limit} s until ${database} is at ${head}`, { seconds: limit })
    await setTimeout(pause)
    signal.throwIfAborted()
  }
  log.info('wait.ready', `${database} is ready at ${head}`, { schema: head })
}

/** Opens the database only once the marker names this image's last migration. A database locked by a writer is not ready yet. */
const isReady = async ({ config, engine }: Context, known: readonly MigrationFile[]): Promise<boolean> => {
  await engine.validate('read')
  const marker = readMarker(config.readyFile)
  if (marker?.schema !== known.at(-1)?.name || marker?.migrations !== known.length) return false
  const outcome = await attemptAsync(() => readState(engine, config, 'fail', async () => undefined))
  if ('value' in outcome) return outcome.value.ready
  const failure = engine.explain(outcome.error)
  if (isFailure(failure, 'DATABASE_BUSY')) return false
  throw failure
}
