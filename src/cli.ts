import { type AddHelpTextContext, Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import type { SchemaFormat } from './commands/schema.ts'
import type { Context } from './context.ts'
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

export type CreateContext = () => Promise<Context>

/** Adds the commands for running: a person or a script on a volume. Each imports its own code when it is called. */
export const addRunCommands = (program: Command, createContext: CreateContext): void => {
  program
    .command('up')
    .description('validate the volume, apply pending migrations, write the ready marker (the default)')
    .option('--to <name>', 'apply no migration after this one')
    .addOption(new Option('--hold', 'stay as a sidecar and keep the ready marker true, until SIGTERM').conflicts('to'))
    .addHelpText('after', example('up'))
    .action(async ({ hold, to }: { hold?: true; to?: string }) => {
      if (hold) await (await import('./commands/hold.ts')).hold(await createContext())
      else await (await import('./commands/up.ts')).up(await createContext(), to)
    })

  program
    .command('status')
    .description('show applied and pending migrations, sizes, marker and backups; reads only')
    .option('--json', 'as JSON')
    .option('--exit-code', 'end with 3 when something is pending, and with what "up" would refuse the database with')
    .addHelpText('after', example('status --json | jq .ready'))
    .action(async ({ json, exitCode }: { json?: true; exitCode?: true }) => {
      const { status } = await import('./commands/status.ts')
      await status(await createContext(), { json: json === true, exitCode: exitCode === true })
    })

  program
    .command('wait')
    .description('block until the ready marker is true for this image; ends with 20 at the timeout')
    .option('--timeout <seconds>', 'how long to wait (default: MIGRATOR_LOCK_TIMEOUT)', toSeconds)
    .addHelpText('after', example('wait --timeout 120 && node hub.js'))
    .action(async ({ timeout }: { timeout?: number }) => {
      const { wait } = await import('./commands/wait.ts')
      await wait(await createContext(), timeout)
    })

  program
    .command('down')
    .description('undo applied migrations by their down, after a trial on a copy and a backup; asks first')
    .addOption(
      new Option('--steps <count>', 'how many, the last one first (default: 1)').argParser(toCount).conflicts('to'),
    )
    .option('--to <name>', 'those after this one, which stays')
    .option('--yes', 'do not ask')
    .addHelpText('after', example('down --to 0002-create-metrics'))
    .action(async ({ steps = 1, to, yes }: { steps?: number; to?: string; yes?: true }) => {
      const { down } = await import('./commands/down.ts')
      await down(await createContext(), to === undefined ? { steps } : { to }, yes === true)
    })

  program
    .command('repair')
    .argument('<name>', 'a migration that is applied, without extension')
    .description('record the present text of a changed migration, after a person looked at it')
    .addHelpText('after', example('repair 0001-create-servers'))
    .action(async (name: string) => {
      const { repair } = await import('./commands/repair.ts')
      await repair(await createContext(), name)
    })
}

/** Adds the commands for writing migrations. */
export const addWriteCommands = (program: Command, createContext: CreateContext): void => {
  program
    .command('create')
    .argument('<name>', 'verb and noun, such as create-alerts')
    .description('make the file of a new migration with the next number, and print its path')
    .addHelpText('after', example('create create-alerts'))
    .action(async (name: string) => {
      const { create } = await import('./commands/create.ts')
      create(await createContext(), name)
    })
}

/** Adds what the program starts itself by (src/sqlite/helper.ts); no settings are read for it. */
export const addInternalCommand = (program: Command, print: (text: string) => void): void => {
  program
    .command('internal', { hidden: true })
    .argument('<words...>')
    .action(async (words: readonly string[]) => {
      const { internal } = await import('./commands/internal.ts')
      await internal(print, words)
    })
}

/** For `addHelpText('after', ...)` of every command: how it may be called. */
export const example =
  (words: string) =>
  ({ command }: AddHelpTextContext): string =>
    `\n${command.createHelp().styleTitle('Example:')}\n  migrator ${words}`

const toCount = (text: string): number => {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('It is a whole number from 1')
  return Number(text)
}

const toSeconds = (text: string): number => {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('It is a whole number of seconds')
  return Number(text)
}

/** Adds the commands for looking at migrations before they touch a database. */
export const addPlanCommands = (program: Command, createContext: CreateContext): void => {
  program
    .command('plan')
    .description('try the pending migrations on a copy and show what they do; touches nothing')
    .addOption(new Option('--sql', 'print the statements alone, as a script').conflicts('json'))
    .option('--json', 'as JSON')
    .addHelpText('after', example('plan --sql > plan.sql'))
    .action(async ({ json, sql }: { json?: true; sql?: true }) => {
      const { plan } = await import('./commands/plan.ts')
      await plan(await createContext(), { json: json === true, sql: sql === true })
    })

  program
    .command('lint')
    .argument('[name...]', 'migrations, without extension (default: all)')
    .description('run migrations in memory and say what is wrong with them, or dangerous; opens no database')
    .option('--json', 'as JSON')
    .addHelpText('after', example('lint 0003-add-os-info'))
    .action(async (names: readonly string[], { json }: { json?: true }) => {
      const { lint } = await import('./commands/lint.ts')
      await lint(await createContext(), names, { json: json === true })
    })
}

/** Adds the commands about a database's structure. Each imports its own code when it is called. */
export const addStructureCommands = (program: Command, createContext: CreateContext): void => {
  program
    .command('verify')
    .description('check the whole volume: damage, foreign keys, history, structure, marker; reads only')
    .option('--json', 'as JSON')
    .addHelpText('after', example('verify --json | jq .findings'))
    .action(async ({ json }: { json?: true }) => {
      const { verify } = await import('./commands/verify.ts')
      await verify(await createContext(), { json: json === true })
    })

  program
    .command('adopt')
    .description('take over a database that another tool made: record the migrations whose structure it has')
    .option('--json', 'as JSON')
    .addHelpText('after', example('adopt && migrator up'))
    .action(async ({ json }: { json?: true }) => {
      const { adopt } = await import('./commands/adopt.ts')
      await adopt(await createContext(), { json: json === true })
    })

  program
    .command('schema')
    .description('show the structure of the database; reads only')
    .addOption(new Option('--format <format>', 'how').choices(['sql', 'mermaid', 'markdown', 'json']).default('sql'))
    .addOption(new Option('--json', 'the same as --format json').conflicts('format'))
    .addHelpText('after', example('schema --format mermaid'))
    .action(async ({ format, json }: { format: SchemaFormat; json?: true }) => {
      const { schema } = await import('./commands/schema.ts')
      await schema(await createContext(), json ? 'json' : format)
    })
}

/** Adds the commands for backups. Each imports its own code when it is called. */
export const addBackupCommands = (program: Command, createContext: CreateContext): void => {
  program
    .command('backup')
    .description('copy the database into the folder "backups" beside it, check the copy, and print its path')
    .addHelpText('after', example('backup'))
    .action(async () => {
      const { backup } = await import('./commands/backup.ts')
      await backup(await createContext())
    })

  program
    .command('backups')
    .description('list the backups, oldest first')
    .option('--json', 'as JSON')
    .addHelpText('after', example('backups --json | jq -r ".[-1].file"'))
    .action(async ({ json }: { json?: true }) => {
      const { backups } = await import('./commands/backups.ts')
      backups(await createContext(), { json: json === true })
    })

  program
    .command('restore')
    .argument('[file]', 'a file that "backups" lists, by path or name')
    .description('put a copy of a backup in the place of the database, and keep what was there; stop the hub first')
    .option('--latest', 'the newest backup')
    .option('--yes', 'do not ask')
    .addHelpText('after', example('restore --latest'))
    .action(async (file: string | undefined, { latest, yes }: { latest?: true; yes?: true }) => {
      const { restore } = await import('./commands/restore.ts')
      await restore(await createContext(), file, { latest: latest === true, yes: yes === true })
    })
}
