import { Command, CommanderError } from 'commander'
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
  print: (text: string) => void,
  createContext: () => Promise<Context>,
): Promise<number> => {
  let complaint = ''
  const program = new Command('migrator')
    .description("Makes a volume's SQLite database right before the hub starts. Settings are environment variables.")
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: print,
      writeErr: text => {
        complaint += text
      },
    })

  program
    .command('up', { isDefault: true })
    .description('validate the volume, apply pending migrations, write the ready marker (the default)')
    .option('--hold', 'stay as a sidecar and keep the ready marker true, until SIGTERM')
    .action(async (options: { hold?: true }) => {
      const work = options.hold ? (await import('./commands/hold.ts')).hold : (await import('./commands/up.ts')).up
      await work(await createContext())
    })

  program
    .command('status')
    .description('show applied and pending migrations; reads only')
    .option('--json', 'as JSON')
    .action(async (options: { json?: true }) => {
      const { status } = await import('./commands/status.ts')
      status(await createContext(), options.json === true ? 'json' : 'text')
    })

  program
    .command('repair')
    .argument('<name>', 'a migration that is applied, without extension')
    .description('record the present text of a changed migration, after a person looked at it')
    .action(async (name: string) => {
      const { repair } = await import('./commands/repair.ts')
      await repair(await createContext(), name)
    })

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
