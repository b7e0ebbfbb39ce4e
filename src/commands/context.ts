import type { Config } from '../config.ts'
import type { Patience } from '../database/wait.ts'
import type { Log } from '../log.ts'
import type { Host } from '../volume/check-volume.ts'

/** What every command gets. */
export type Context = Readonly<{
  config: Config
  log: Log
  host: Host
  /** aborted by SIGINT and SIGTERM, with a Failure as its reason, and by what goes wrong in a migration's own promises */
  signal: AbortSignal
  /** writes data to standard output */
  print: (text: string) => void
  /** of this program */
  version: string
}>

/** How long to wait for another writer, and what to say meanwhile. */
export const patienceOf = ({ config, log, signal }: Context): Patience => ({
  lockTimeout: config.lockTimeout,
  signal,
  onWait: () => {
    const { database, lockTimeout } = config
    log.info('lock.waiting', `waiting up to ${lockTimeout} s for another writer of ${database}`, {
      database,
      lockTimeout,
    })
  },
})
