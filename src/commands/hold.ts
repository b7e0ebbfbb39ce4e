import { setTimeout } from 'node:timers/promises'
import type { Config } from '../config.ts'
import type { Context } from '../context.ts'
import { attemptAsync, Failure, isFailure } from '../failure.ts'
import { statSync } from '../fs.ts'
import { report } from '../metrics/report.ts'
import { readMigrationFiles } from '../migrations/files.ts'
import { readMarker, withdrawMarker } from '../ready/marker.ts'
import { readState } from '../ready/readiness.ts'
import { up } from './up.ts'

/** Milliseconds between checks of the volume; while nothing changes, a check is two stat calls. */
const interval = 1000

/** Process titles: healthcheck.sh reads the state from them, so it needs no state file. */
const titles = { bringingUp: 'migrator: bringing up', holding: 'migrator: holding' } as const

/**
 * Runs `up`, then stays as a sidecar that keeps the ready marker true until SIGTERM or SIGINT, which end it without an error.
 * Brings a replaced database (as by a restore) up again and logs when it is ready. While the database is gone, withdraws the
 * marker and makes no new one. Waits while another writer holds the lock.
 * @throws what `up` throws, at the start or later, except DATABASE_BUSY later on: the container ends, and its engine restarts it
 *   or does not
 */
export const hold = async (context: Context): Promise<void> => {
  const { config, log, nameProcess, signal } = context
  await up(context, undefined)
  nameProcess(titles.holding)
  // nothing is taken for granted: the volume may have been replaced since `up` wrote the marker
  let seen = ''
  log.info('hold.holding', `holding: ${config.readyFile} stays true until SIGTERM`)
  let isTold = false
  while (await pause(signal)) {
    const now = look(config)
    if (now === seen) continue
    if (now === gone) {
      withdrawMarker(config.readyFile)
      log.warn('hold.gone', `${config.database} is gone: the ready marker is withdrawn until it is back`)
      report(context)
      seen = gone
      continue
    }
    const found = await readiness(context)
    // `seen` is not updated, so the next check tries again
    if (found === 'busy') continue
    if (found === 'not ready') {
      if (!isTold) log.warn('hold.changed', `${config.database} or its ready marker was replaced`)
      isTold = true
      nameProcess(titles.bringingUp)
      if (!(await isBroughtUp(context))) continue
      nameProcess(titles.holding)
      isTold = false
    }
    if (found === 'not ready' || seen === gone) {
      const schema = readMarker(config.readyFile)?.schema
      log.info('hold.recovered', `${config.database} is ready again at ${schema}`, { schema })
    }
    seen = look(config)
  }
  log.info('hold.ended', 'stopped')
}

/** @returns false when a signal asks it to stop; @throws the abort reason if that is not a Failure */
const pause = async (signal: AbortSignal): Promise<boolean> => {
  await setTimeout(interval, undefined, { signal }).catch(() => undefined)
  if (signal.aborted && !(signal.reason instanceof Failure)) throw signal.reason
  return !signal.aborted
}

/** @returns false if another writer held the lock for the whole timeout, or a signal came */
const isBroughtUp = (context: Context): Promise<boolean> =>
  up(context, undefined).then(
    () => true,
    error => {
      if (isFailure(error, 'DATABASE_BUSY') || (error instanceof Failure && context.signal.aborted)) return false
      throw error
    },
  )

const gone = 'gone'

/** Identifies the state of the two files. A hub that writes changes it too, at each checkpoint. */
const look = ({ database, readyFile }: Config): string => {
  const [file, marker] = [database, readyFile].map(path => statSync(path, { throwIfNoEntry: false }))
  if (file === undefined) return gone
  return [file.dev, file.ino, file.mtimeMs, marker?.ino, marker?.mtimeMs].join(' ')
}

/**
 * Whether the marker exists, is true, and names this image's last migration: a restored older backup has a true marker too.
 * Any other failure to compare marker and database counts as not ready; `up` finds and names the cause.
 */
const readiness = async ({ config, engine }: Context): Promise<'ready' | 'not ready' | 'busy'> => {
  if (readMarker(config.readyFile)?.schema !== readMigrationFiles(config.migrations).at(-1)?.name) return 'not ready'
  const outcome = await attemptAsync(() => readState(engine, config, 'fail', async () => undefined))
  if ('error' in outcome) return isFailure(engine.explain(outcome.error), 'DATABASE_BUSY') ? 'busy' : 'not ready'
  return outcome.value.ready ? 'ready' : 'not ready'
}
