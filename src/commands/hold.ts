import { statSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import type { Config } from '../config.ts'
import type { Context } from '../context.ts'
import { attemptAsync, Failure } from '../failure.ts'
import { readMigrationFiles } from '../migrations/files.ts'
import { readMarker, withdrawMarker } from '../ready/marker.ts'
import { readState } from '../ready/readiness.ts'
import { up } from './up.ts'

/** Milliseconds between two looks at the volume; a look is two calls of stat while nothing changes. */
const interval = 1000

/** What this process is called meanwhile: healthcheck.sh reads it, and needs no file of its own for that. */
const titles = { bringingUp: 'migrator: bringing up', holding: 'migrator: holding' } as const

/**
 * `up`, and then stays as a sidecar that keeps the ready marker true until SIGTERM or SIGINT, which end it well. A database
 * that is replaced, as by a restore, is brought up again, and the log says when it is. While it is gone the marker is withdrawn, and no
 * new one made. One that a writer has locked is waited for.
 * @throws what `up` throws, at the start or later, save that another writer has the database: the container ends, and its engine starts
 *   it again or not
 */
export const hold = async (context: Context): Promise<void> => {
  const { config, log, nameProcess, signal } = context
  await up(context, undefined)
  nameProcess(titles.holding)
  log.info('hold.holding', `holding: ${config.readyFile} is kept true until SIGTERM`)
  let seen = look(config)
  let isTold = false
  while (await pause(signal)) {
    const now = look(config)
    if (now === seen) continue
    if (now === gone) {
      withdrawMarker(config.readyFile)
      log.warn('hold.gone', `${config.database} is gone: the ready marker is withdrawn until it is back`)
      seen = gone
      continue
    }
    const found = await readiness(context)
    // it stays as it was seen last, so the next look looks again
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

/** @returns false when it is time to go; @throws what stopped it, if that was no signal */
const pause = async (signal: AbortSignal): Promise<boolean> => {
  await setTimeout(interval, undefined, { signal }).catch(() => undefined)
  if (signal.aborted && !(signal.reason instanceof Failure)) throw signal.reason
  return !signal.aborted
}

/** @returns false where another writer had the database for all of the timeout, or a signal came */
const isBroughtUp = (context: Context): Promise<boolean> =>
  up(context, undefined).then(
    () => true,
    error => {
      if (isBusy(error) || (error instanceof Failure && context.signal.aborted)) return false
      throw error
    },
  )

const isBusy = (error: unknown): boolean => error instanceof Failure && error.code === 'DATABASE_BUSY'

const gone = 'gone'

/** Tells one state of the two files from another; a hub that writes changes it too, at each checkpoint. */
const look = ({ database, readyFile }: Config): string => {
  const [file, marker] = [database, readyFile].map(path => statSync(path, { throwIfNoEntry: false }))
  if (file === undefined) return gone
  return [file.dev, file.ino, file.mtimeMs, marker?.ino, marker?.mtimeMs].join(' ')
}

/**
 * Whether the marker is there, and true, and of all migrations of this image. An older backup that was restored has a true marker too.
 * What else keeps marker and database from being compared is for `up` to find and to name.
 */
const readiness = async ({ config, engine }: Context): Promise<'ready' | 'not ready' | 'busy'> => {
  if (readMarker(config.readyFile)?.schema !== readMigrationFiles(config.migrations).at(-1)?.name) return 'not ready'
  const outcome = await attemptAsync(() => readState(engine, config, 'fail', async () => undefined))
  if ('error' in outcome) return isBusy(engine.explain(outcome.error)) ? 'busy' : 'not ready'
  return outcome.value.ready ? 'ready' : 'not ready'
}
