import { statSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import type { Config } from '../config.ts'
import type { Context } from '../context.ts'
import { attemptAsync, Failure } from '../failure.ts'
import { withdrawMarker } from '../ready/marker.ts'
import { readState } from '../ready/readiness.ts'
import { up } from './up.ts'

/** Milliseconds between two looks at the volume; a look is two calls of stat while nothing changes. */
const interval = 1000

/**
 * `up`, and then stays as a sidecar that keeps the ready marker true until SIGTERM or SIGINT, which end it well. A database
 * that is replaced, as by a restore, is brought up again. While it is gone the marker is withdrawn, and no new one made.
 * @throws what `up` throws, at the start or later: the container ends, and its engine starts it again or not
 */
export const hold = async (context: Context): Promise<void> => {
  const { config, log, signal } = context
  await up(context, undefined)
  log.info('hold.holding', `holding: ${config.readyFile} is kept true until SIGTERM`)
  let seen = look(config)
  while (await pause(signal)) {
    const now = look(config)
    if (now === seen) continue
    if (now === gone) {
      withdrawMarker(config.readyFile)
      log.warn('hold.gone', `${config.database} is gone: the ready marker is withdrawn until it is back`)
    } else if (!(await isReady(context))) {
      log.warn('hold.changed', `${config.database} or its ready marker was replaced`)
      await up(context, undefined)
    }
    seen = now === gone ? gone : look(config)
  }
  log.info('hold.ended', 'stopped')
}

/** @returns false when it is time to go; @throws what stopped it, if that was no signal */
const pause = async (signal: AbortSignal): Promise<boolean> => {
  await setTimeout(interval, undefined, { signal }).catch(() => undefined)
  if (signal.aborted && !(signal.reason instanceof Failure)) throw signal.reason
  return !signal.aborted
}

const gone = 'gone'

/** Tells one state of the two files from another; a hub that writes changes it too, at each checkpoint. */
const look = ({ database, readyFile }: Config): string => {
  const [file, marker] = [database, readyFile].map(path => statSync(path, { throwIfNoEntry: false }))
  if (file === undefined) return gone
  return [file.dev, file.ino, file.mtimeMs, marker?.ino, marker?.mtimeMs].join(' ')
}

/** Whatever keeps the two from being compared is for `up` to find and to name. */
const isReady = async ({ config, engine }: Context): Promise<boolean> => {
  const outcome = await attemptAsync(() => readState(engine, config, 'fail', async () => undefined))
  return 'value' in outcome && outcome.value.ready
}
