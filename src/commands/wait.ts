import { setTimeout } from 'node:timers/promises'
import type { Context } from '../context.ts'
import { attemptAsync, Failure, isFailure, must } from '../failure.ts'
import { type MigrationFile, readMigrationFiles } from '../migrations/files.ts'
import { readPlan } from '../migrations/plan.ts'
import { dialectOf, saysReady } from '../on-server/history.ts'
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
  const { config, engine, log, signal } = context
  const known = readMigrationFiles(config.migrations, dialectOf(engine))
  const limit = seconds ?? config.lockTimeout
  const deadline = performance.now() + limit * 1000
  const head = known.at(-1)?.name
  const { database, readyFile } = config
  for (let tries = 0; !(await isReady(context, known)); tries += 1) {
    if (performance.now() >= deadline) {
      const reason = `${database} is not ready for ${head} after ${limit} s`
      const lacks = engine.server !== undefined ? 'what is pending' : `what ${readyFile} lacks`
      throw new Failure('NOT_READY', reason, `Run \`migrator up\`; see \`migrator status\` for ${lacks}.`)
    }
    if (tries === 0)
      log.info('wait.waiting', `waiting up to ${limit} s until ${database} is at ${head}`, { seconds: limit })
    await setTimeout(pause)
    signal.throwIfAborted()
  }
  log.info('wait.ready', `${database} is ready at ${head}`, { schema: head })
}

/** On a server the history says what is ready, on a standby once it has it. One that cannot be reached is not ready yet. */
const isReadyOnServer = async ({ engine }: Context, known: readonly MigrationFile[]): Promise<boolean> => {
  const outcome = await attemptAsync(() => engine.read('fail', reader => readPlan(reader, known)))
  if ('error' in outcome) {
    if (must(engine.server).mayPass(outcome.error)) return false
    throw engine.explain(outcome.error)
  }
  return saysReady(must(outcome.value))
}

/** Opens the database only once the marker names this image's last migration. A database locked by a writer is not ready yet. */
const isReady = async (context: Context, known: readonly MigrationFile[]): Promise<boolean> => {
  const { config, engine } = context
  if (engine.server !== undefined) return isReadyOnServer(context, known)
  await engine.validate('read')
  const marker = readMarker(config.readyFile)
  if (marker?.schema !== known.at(-1)?.name || marker?.migrations !== known.length) return false
  const outcome = await attemptAsync(() => readState(engine, config, 'fail', async () => undefined))
  if ('value' in outcome) return outcome.value.ready
  const failure = engine.explain(outcome.error)
  if (isFailure(failure, 'DATABASE_BUSY')) return false
  throw failure
}
