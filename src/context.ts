import type { Config } from './config.ts'
import type { Engine } from './engine.ts'
import { Failure } from './failure.ts'
import type { Log, Screen } from './log.ts'
import type { Host } from './volume/volume.ts'

/** What every command gets. */
export type Context = Readonly<{
  config: Config
  /** the database that the settings name */
  engine: Engine
  log: Log
  host: Host
  /** aborted by SIGINT and SIGTERM, with a Failure as its reason, and by errors that a migration leaves uncaught */
  signal: AbortSignal
  /** writes data to standard output */
  print: (text: string) => void
  /** describes standard output */
  screen: Screen
  /** asks the person at the terminal a question; undefined without a terminal */
  ask: ((question: string) => Promise<string | undefined>) | undefined
  /** starts this program as a helper process: Node and its entry file */
  command: readonly [string, string]
  /** sets this process's title, as the list of processes shows it */
  nameProcess: (title: string) => void
  /** whether this process is the program's own: as a library it is a part of another one */
  isAlone?: boolean
  /** of this program */
  version: string
}>

/**
 * Asks the person at the terminal to confirm, unless `--yes` was given.
 * @param what will be done, as a sentence without a full stop
 * @throws Failure CONFIG_INVALID for any answer but yes, and without a terminal
 */
export const confirm = async ({ ask }: Context, yes: boolean, what: string): Promise<void> => {
  if (yes) return
  const answer = await ask?.(`${what}. Go on? [y/N] `)
  if (answer === undefined)
    throw new Failure(
      'CONFIG_INVALID',
      `there is no terminal to confirm this on: ${what}`,
      'Add --yes to do it without a question.',
    )
  if (!/^y(?:es)?$/i.test(answer.trim())) throw new Failure('CONFIG_INVALID', 'not confirmed; nothing was changed', '')
}
