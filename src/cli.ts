import { Command, CommanderError } from 'commander'
import { addRunCommands, addWriteCommands, type CreateContext } from './cli/commands.ts'
import { addPlanCommands } from './cli/plan-commands.ts'
import { Failure } from './failure.ts'

/**
 * Runs the command that the words name.
 * @returns the exit code
 * @throws Failure CONFIG_INVALID for words that make no sense, and what the command throws
 */
export const cli = async (
  words: readonly string[],
  version: string,
  print: (text: string) => void,
  createContext: CreateContext,
): Promise<number> => {
  let complaint = ''
  const program = new Command('migrator')
    .description("Makes a volume's SQLite database right before the hub starts. Settings are environment variables.")
    .version(version)
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: print,
      writeErr: text => {
        complaint += text
      },
    })
  addRunCommands(program, createContext)
  addWriteCommands(program, createContext)
  addPlanCommands(program, createContext)

  try {
    await program.parseAsync(words, { from: 'user' })
    return 0
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return 0
    const reason = complaint
      .replace(/^error: /, '')
      .trim()
      .replaceAll('\n', ' ')
    throw new Failure('CONFIG_INVALID', reason, 'Run it with --help to see the commands.', error)
  }
}
