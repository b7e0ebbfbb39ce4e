import type { Config } from '../config.ts'
import type { Patience } from '../database/wait.ts'
import type { Log } from '../log.ts'
import type { Screen } from '../screen.ts'
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
  /** what standard output is */
  screen: Screen
  /** asks the person at the terminal a question; undefined where there is nobody */
  ask: (question: string) => Promise<string | undefined>
  /** what starts this program, for helper processes: Node, and its first file */
  command: readonly [string, string]
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
