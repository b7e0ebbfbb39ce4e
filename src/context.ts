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
  /** what this process is called in the system's list of processes, from now on */
  nameProcess: (title: string) => void
  /** of this program */
  version: string
}>

/**
 * Has the person at the terminal say yes, unless that was said by `--yes`.
 * @param what shall be done, as a sentence without a mark at its end
 * @throws Failure CONFIG_INVALID for any other answer, and where there is nobody to ask
 */
export const confirm = async ({ ask }: Context, yes: boolean, what: string): Promise<void> => {
  if (yes) return
  const answer = await ask(`${what}. Go on? [y/N] `)
  if (answer === undefined)
    throw new Failure('CONFIG_INVALID', `${what}: there is no terminal to ask at`, 'Say --yes to do it.')
  if (!/^y(?:es)?$/i.test(answer.trim())) throw new Failure('CONFIG_INVALID', 'not confirmed', 'Nothing was changed.')
}
