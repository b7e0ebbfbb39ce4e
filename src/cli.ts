import { Command, CommanderError } from 'commander'
import { addBackupCommands } from './cli/backup-commands.ts'
import { addInternalCommand, addRunCommands, addWriteCommands, type CreateContext } from './cli/commands.ts'
import { addPlanCommands } from './cli/plan-commands.ts'
import { addStructureCommands } from './cli/structure-commands.ts'
import type { Context } from './commands/context.ts'
import { Failure } from './failure.ts'

/**
 * Runs the command that the words name.
 * @returns the exit code
 * @throws Failure CONFIG_INVALID for words that make no sense, and what the command throws
 */
export const cli = async (
  words: readonly string[],
  version: string,
  { print, screen }: Pick<Context, 'print' | 'screen'>,
  createContext: CreateContext,
): Promise<number> => {
  let complaint = ''
  const program = new Command('migrator')
    .description("Makes a volume's SQLite database right before the hub starts. Settings are environment variables.")
    .version(version)
    .exitOverride()
    .showSuggestionAfterError()
    .configureHelp({ styleTitle: title => screen.paint('bold', title) })
    .configureOutput({
      writeOut: print,
      // what is painted is meant to be: commander would take it off again where CI is set
      getOutHasColors: () => true,
      writeErr: text => {
        complaint += text
      },
    })
  addRunCommands(program, createContext)
  addStructureCommands(program, createContext)
  addWriteCommands(program, createContext)
  addPlanCommands(program, createContext)
  addBackupCommands(program, createContext)
  addInternalCommand(program, print)

  // commander answers `help statsu` and `statsu --help` with all the help there is, not with the nearest command
  const [named = 'help'] = words[0] === 'help' ? words.slice(1) : words
  const isKnown = named.startsWith('-') || program.commands.some(command => command.name() === named)
  try {
    await program.parseAsync(isKnown ? words : [named], { from: 'user' })
    return 0
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return 0
    const reason = complaint
      .replace(/^error: /, '')
      .trim()
      .replaceAll('\n', ' ')
    const command = program.commands.find(candidate => candidate.name() === words[0])
    const help = command === undefined ? '--help" for the commands' : `${command.name()} --help" for an example`
    throw new Failure('CONFIG_INVALID', reason, `Run "migrator ${help}.`, error)
  }
}
