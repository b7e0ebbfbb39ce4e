import { type AddHelpTextContext, Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import type { LintFormat } from './commands/lint.ts'
import type { PlanFormat } from './commands/plan.ts'
import type { SchemaFormat } from './commands/schema.ts'
import type { StatusFormat } from './commands/status.ts'
import { type Environment, type SettingName, settings } from './config.ts'
import type { Context } from './context.ts'
import { exitCodes, Failure } from './failure.ts'

/** The flags of all commands, with their defaults. */
const flags = {
  check: false,
  exitCode: false,
  force: false,
  hold: false,
  json: false,
  latest: false,
  sql: false,
  yes: false,
}

/** The options of all commands; a command reads those that its row lists. */
type Options = Readonly<
  typeof flags & {
    format: SchemaFormat | LintFormat | PlanFormat | StatusFormat
    steps: number
    timeout?: number
    to?: string
    models?: string
    from?: string
    tables?: string
  }
>

const shells = 'bash, zsh or fish'
const completionText = 'print a script that completes commands and options: source <(migrator completion bash)'

const noOptions: Options = { ...flags, format: 'sql', steps: 1 }

/** Runs a command; `names` are its positional arguments. */
type Run = (context: Context, options: Options, names: readonly string[]) => unknown

/** The headings of the help, in its order. */
const groups = ['Everyday', 'Inspect, without a trace', 'Rescue', 'Write migrations'] as const

type CommandRow = Readonly<{
  name: string
  group: (typeof groups)[number]
  description: string
  /** in commander's syntax, such as `[file]`, and its description */
  argument?: readonly [string, string]
  options: readonly Option[]
  example: string
  /** what to do instead where the database is on a server; left out if the command works there */
  insteadOnServer?: string
  /** imports the command's code, only when it runs */
  load: () => Promise<Run>
}>

const toNumber =
  (pattern: RegExp, expected: string) =>
  (text: string): number => {
    if (!pattern.test(text)) throw new InvalidArgumentError(`Use a whole number ${expected}`)
    return Number(text)
  }
const toCount = toNumber(/^[1-9]\d{0,3}$/, 'from 1')
const toSeconds = toNumber(/^\d{1,6}$/, 'of seconds')

const json = new Option('--json', 'as JSON')
const yes = new Option('--yes', 'do not ask')

const waitInstead = 'Run `migrator up` before each hub, or `migrator wait` beside it.'
const serverBackup = 'Back up the server itself, with pg_dump, pgBackRest or the snapshots of its provider.'

/** Every command, in the order in which the help and the documents list them. */
export const commandTable: readonly CommandRow[] = [
  {
    name: 'up',
    group: 'Everyday',
    description: 'validate the volume, apply pending migrations, write the ready marker (the default)',
    options: [
      new Option('--to <name>', 'stop after this migration'),
      new Option('--hold', 'stay as a sidecar and keep the ready marker true, until SIGTERM').conflicts('to'),
    ],
    example: 'up',
    load: async () => {
      const [{ hold }, { up }] = await Promise.all([import('./commands/hold.ts'), import('./commands/up.ts')])
      return (context, options) => {
        if (options.hold && context.engine.server !== undefined)
          throw new Failure('CONFIG_INVALID', 'up --hold keeps a ready marker true, and a server has none', waitInstead)
        return options.hold ? hold(context) : up(context, options.to)
      }
    },
  },
  {
    name: 'status',
    group: 'Everyday',
    description: 'show applied and pending migrations, sizes, marker and backups; reads only',
    options: [
      new Option('--format <format>', 'how').choices(['text', 'json', 'prometheus']).default('text'),
      new Option('--json', 'the same as --format json').conflicts('format'),
      new Option('--exit-code', 'exit with 3 if migrations are pending, or with the code that "up" would fail with'),
    ],
    example: 'status --json | jq .ready',
    load: async () => {
      const { status } = await import('./commands/status.ts')
      return (context, { format, json, exitCode }) =>
        status(context, { format: json ? 'json' : (format as StatusFormat), exitCode })
    },
  },
  {
    name: 'wait',
    group: 'Everyday',
    description: 'wait until the ready marker is true for this image; exits with 20 on timeout',
    options: [
      new Option('--timeout <seconds>', 'how long to wait (default: MIGRATOR_LOCK_TIMEOUT)').argParser(toSeconds),
    ],
    example: 'wait --timeout 120 && node hub.js',
    load: async () => {
      const { wait } = await import('./commands/wait.ts')
      return (context, { timeout }) => wait(context, timeout)
    },
  },
  {
    name: 'down',
    group: 'Rescue',
    description: 'undo applied migrations with their down, after a trial on a copy and a backup; asks first',
    options: [
      new Option('--steps <count>', 'how many, the last one first (default: 1)').argParser(toCount).conflicts('to'),
      new Option('--to <name>', 'undo those after this one'),
      yes,
    ],
    example: 'down --to 0002-create-metrics',
    load: async () => {
      const { down } = await import('./commands/down.ts')
      return (context, { steps, to, yes }) => down(context, to === undefined ? { steps } : { to }, yes)
    },
  },
  {
    name: 'redo',
    group: 'Write migrations',
    description: 'undo the last migration and apply it again, as its file is now; asks first',
    options: [yes],
    example: 'redo --yes',
    load: async () => {
      const { redo } = await import('./commands/redo.ts')
      return (context, { yes }) => redo(context, yes)
    },
  },
  {
    name: 'repair',
    group: 'Rescue',
    description: 'record the present text of a changed migration, after you have reviewed it',
    argument: ['<name>', 'a migration that is applied: its name without extension, its number, or a beginning'],
    options: [new Option('--force', 'even if the migrations then make a different schema than the database has')],
    example: 'repair 0001-create-servers',
    load: async () => {
      const { repair } = await import('./commands/repair.ts')
      return (context, options, [name = '']) => repair(context, name, options)
    },
  },
  {
    name: 'verify',
    group: 'Inspect, without a trace',
    description: 'check the whole volume: damage, foreign keys, history, structure, marker; reads only',
    options: [
      new Option('--models <file>', 'compare the models of a hub with the migrations instead of the database'),
      json,
    ],
    example: 'verify --json | jq .findings',
    load: async () => {
      const { verify, verifyModels } = await import('./commands/verify.ts')
      return (context, { json, models }) =>
        models === undefined ? verify(context, { json }) : verifyModels(context, models, json)
    },
  },
  {
    name: 'adopt',
    group: 'Rescue',
    description: 'take over a database that another tool made: record the migrations whose structure it has',
    options: [
      new Option('--at <name>', 'the migration that the database is at, if you know it; differences are accepted'),
      json,
    ],
    example: 'adopt && migrator up',
    load: async () => (await import('./commands/adopt.ts')).adopt,
  },
  {
    name: 'schema',
    group: 'Inspect, without a trace',
    description: 'show the structure of the database; reads only',
    options: [
      new Option('--format <format>', 'how').choices(['sql', 'mermaid', 'markdown', 'json']).default('sql'),
      new Option('--json', 'the same as --format json').conflicts('format'),
    ],
    example: 'schema --format mermaid',
    load: async () => {
      const { schema } = await import('./commands/schema.ts')
      return (context, { format, json }) => schema(context, json ? 'json' : (format as SchemaFormat))
    },
  },
  {
    name: 'create',
    group: 'Write migrations',
    description: 'create the file of a new migration with the next number, and print its path',
    argument: ['<name>', 'verb and noun, such as create-alerts'],
    options: [new Option('--sql', 'a file in SQL (default: the language of the last migration)')],
    example: 'create create-alerts',
    load: async () => {
      const { create } = await import('./commands/create.ts')
      return (context, options, [name = '']) => create(context, name, options)
    },
  },
  {
    name: 'diff',
    group: 'Write migrations',
    description: 'write the migration that leads to the schema of a database, or of models',
    argument: ['<name>', 'verb and noun, such as add-alerts'],
    options: [
      new Option('--models <file>', 'a file or folder of models of Sequelize 6 or 7 (default: the database)'),
      new Option('--sql', 'a file in SQL (default: the language of the last migration)'),
    ],
    example: 'diff add-alerts --models models/index.js',
    load: async () => {
      const { diff } = await import('./commands/diff.ts')
      return (context, options, [name = '']) => diff(context, name, options)
    },
  },
  {
    name: 'plan',
    group: 'Inspect, without a trace',
    description: 'try the pending migrations on a copy and show what they do; touches nothing',
    options: [
      new Option('--format <format>', 'how').choices(['text', 'json', 'sql', 'github']).default('text'),
      new Option('--sql', 'the statements alone, as a script; the same as --format sql').conflicts(['json', 'format']),
      new Option('--json', 'the same as --format json').conflicts('format'),
    ],
    example: 'plan --sql > plan.sql',
    load: async () => {
      const { plan } = await import('./commands/plan.ts')
      return (context, { format, json, sql }) => plan(context, json ? 'json' : sql ? 'sql' : (format as PlanFormat))
    },
  },
  {
    name: 'lint',
    group: 'Write migrations',
    description: 'run migrations in memory and report what is wrong or dangerous; opens no database',
    argument: ['[name...]', 'migrations: names without extension, numbers or beginnings (default: all)'],
    options: [
      new Option('--format <format>', 'how').choices(['text', 'json', 'github', 'sarif']).default('text'),
      new Option('--json', 'the same as --format json').conflicts('format'),
    ],
    example: 'lint 0003-add-os-info',
    load: async () => {
      const { lint } = await import('./commands/lint.ts')
      return (context, { format, json }, names) => lint(context, names, json ? 'json' : (format as LintFormat))
    },
  },
  {
    name: 'backup',
    group: 'Everyday',
    description: 'copy the database into the folder "backups" beside it, check the copy, and print its path',
    options: [],
    example: 'backup',
    insteadOnServer: serverBackup,
    load: async () => (await import('./commands/backup.ts')).backup,
  },
  {
    name: 'backups',
    group: 'Inspect, without a trace',
    description:
      'list the backups, oldest first, and what else is left; "prune" removes replaced databases, and asks first',
    argument: ['[prune]', 'remove the databases that restores replaced'],
    options: [json, yes],
    example: 'backups --json | jq -r ".[-1].file"',
    insteadOnServer: serverBackup,
    load: async () => {
      const { backups, pruneReplaced, requirePrune } = await import('./commands/backups.ts')
      return (context, options, [word]) => {
        if (word === undefined) return backups(context, options)
        requirePrune(word)
        return pruneReplaced(context, options.yes)
      }
    },
  },
  {
    name: 'restore',
    group: 'Rescue',
    description: 'replace the database with a copy of a backup, and keep the old one; stop the hub first',
    argument: ['[file]', 'a file that "backups" lists, by path or name'],
    options: [new Option('--latest', 'the newest backup'), yes],
    example: 'restore --latest',
    insteadOnServer: serverBackup,
    load: async () => {
      const { restore } = await import('./commands/restore.ts')
      return (context, options, [file]) => restore(context, file, options)
    },
  },
  {
    name: 'copy',
    group: 'Rescue',
    description:
      'copy a database from a file into an empty one on a server, or back into a new file; stop the hub first',
    options: [
      new Option('--from <url>', 'the database to read: sqlite:FILE or postgres://USER@HOST/NAME'),
      new Option('--check', 'compare both, and write nothing'),
      new Option('--tables <names>', 'tables of other tools to copy, too, with commas between them'),
    ],
    example: 'copy --from sqlite:data/homelab.db',
    load: async () => (await import('./commands/copy.ts')).copy,
  },
]

/** Options of every command, before or after its name: each is a setting, and goes before what the environment says. */
const globalOptions: readonly (readonly [SettingName, Option])[] = [
  ['DATABASE_URL', new Option('--database-url <url>', 'the database: sqlite:PATH or postgres://USER@HOST/NAME')],
  ['MIGRATOR_MIGRATIONS', new Option('--migrations <folder>', 'the folder of migrations')],
  ['MIGRATOR_LOG_FORMAT', new Option('--log-format <format>', 'text or json')],
  ['MIGRATOR_LOG_LEVEL', new Option('--log-level <level>', 'debug, info, warn or error')],
]
for (const [name, option] of globalOptions) option.env(name)
const quiet = new Option('--quiet', 'the same as --log-level warn').conflicts('logLevel')

/** The settings that options give; what commander reads from the environment, the settings' reader reads better. */
const settingsOf = (program: Command): Environment => {
  const isGiven = (option: Option): boolean => program.getOptionValueSource(option.attributeName()) === 'cli'
  const given = globalOptions.filter(([, option]) => isGiven(option))
  return {
    ...Object.fromEntries(given.map(([name, option]) => [name, program.getOptionValue(option.attributeName())])),
    ...(isGiven(quiet) ? { MIGRATOR_LOG_LEVEL: 'warn' } : {}),
  }
}

/** What other tools call it, and the command that does it here. */
const otherWords: ReadonlyMap<string, string> = new Map([
  ['--dry-run', 'plan'],
  ['apply', 'up'],
  ['generate', 'create'],
  ['history', 'status'],
  ['info', 'status'],
  ['migrate', 'up'],
  ['new', 'create'],
  ['revert', 'down'],
  ['rollback', 'down'],
  ['undo', 'down'],
  ['validate', 'verify'],
])

/**
 * Runs the command that the words name.
 * @returns the exit code
 * @throws Failure CONFIG_INVALID for an unknown command, option or value; what the command throws
 */
export const cli = async (
  words: readonly string[],
  version: string,
  { print, screen }: Pick<Context, 'print' | 'screen'>,
  createContext: (given: Environment) => Promise<Context>,
): Promise<number> => {
  let complaint = ''
  const width = () => (screen.columns === Number.POSITIVE_INFINITY ? 80 : screen.columns)
  const program = new Command('migrator')
    .description(
      "Makes a volume's SQLite database right before the hub starts. Settings are environment variables; some are options, too.",
    )
    .version(version)
    .exitOverride()
    .showSuggestionAfterError()
    // of the help command, too
    .commandsGroup(`${groups[0]}:`)
    .helpCommand('help [command]', 'display help for command')
    .addHelpText('after', surroundings(width))
    .configureHelp({ styleTitle: title => screen.paint('bold', title) })
    .configureOutput({
      writeOut: print,
      // Commander strips colours when CI is set; ours are intended
      getOutHasColors: () => true,
      getOutHelpWidth: width,
      writeErr: text => {
        complaint += text
      },
    })
  for (const [, option] of globalOptions) program.addOption(option)
  program.addOption(quiet)
  const inGroups = groups.flatMap(group => commandTable.filter(row => row.group === group))
  for (const { name, group, description, argument, options, example, insteadOnServer, load } of inGroups) {
    const command = program.command(name).description(description).helpGroup(`${group}:`)
    if (argument !== undefined) command.argument(...argument)
    for (const option of options) command.addOption(option)
    command.addHelpText('after', exampleText(example)).action(async () => {
      const run = await load()
      const context = await createContext(settingsOf(program))
      if (context.engine.server !== undefined && insteadOnServer !== undefined)
        throw new Failure('CONFIG_INVALID', `${name} works on database files only`, insteadOnServer)
      await run(context, { ...noOptions, ...command.opts() }, command.args)
    })
  }
  // the program starts itself with this command (src/sqlite/helper.ts), without reading settings
  const internal = program.command('internal', { hidden: true }).argument('<words...>')
  internal.action(async () => (await import('./commands/internal.ts')).internal(print, internal.args))

  let named: string | undefined
  try {
    // without a command it is `up`, whatever options of every command there are
    const { operands, unknown } = program.parseOptions([...words])
    const all = operands.length + unknown.length === 0 ? [...words, 'up'] : words
    const [first] = operands
    if (first === 'completion' || first === 'complete')
      await (await import('./commands/completion.ts')).addCompletion(program, completionText, print)
    else
      program.command('completion').argument('<shell>', shells).description(completionText).helpGroup(`${groups[3]}:`)
    refuseOtherWords(first, unknown)
    // commander answers `help statsu` and `statsu --help` with the full help instead of suggesting the nearest command
    named = first === 'help' ? (operands[1] ?? 'help') : first
    const isKnown = named === undefined || program.commands.some(command => command.name() === named)
    await program.parseAsync(isKnown ? all : [String(named)], { from: 'user' })
    return 0
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return 0
    const reason = complaint
      .replace(/^error: /, '')
      .trim()
      .replaceAll('\n', ' ')
    const command = program.commands.find(candidate => candidate.name() === named)
    const help = command === undefined ? '--help` for the commands' : `${command.name()} --help\` for an example`
    throw new Failure('CONFIG_INVALID', reason, `Run \`migrator ${help}.`, error)
  }
}

/** @throws Failure CONFIG_INVALID for what other tools call a command */
const refuseOtherWords = (first: string | undefined, unknown: readonly string[]): void => {
  const wrong = unknown.includes('--dry-run') ? '--dry-run' : first
  const meant = wrong === undefined ? undefined : otherWords.get(wrong)
  if (meant === undefined) return
  const hint = `Run \`migrator ${meant} --help\` for an example.`
  throw new Failure('CONFIG_INVALID', `there is no ${wrong}: \`migrator ${meant}\` does that`, hint)
}

/** What else there is to know of a program: its settings, its exit codes, and where it is explained. */
const surroundings =
  (columns: () => number) =>
  ({ command }: AddHelpTextContext): string => {
    const help = command.createHelp()
    const codes = new Map(Object.values(exitCodes).map(code => [code, namesOf(code)]))
    const parts = [
      ['Settings, as environment variables:', Object.keys(settings).join(', ')],
      ['Exit codes:', ['0 done', ...[...codes].map(([code, names]) => `${code} ${names}`)].join(', ')],
      ['Documents:', 'README.md, and docs/README.md for the rest'],
    ]
    const width = columns() - 2
    return parts
      .map(([title = '', text = '']) => {
        const lines = help.boxWrap(text, width).split('\n')
        return `\n${[help.styleTitle(title), ...lines.map(line => `  ${line}`)].join('\n')}`
      })
      .join('\n')
  }

const namesOf = (code: number): string =>
  Object.entries(exitCodes)
    .flatMap(([name, other]) => (other === code ? name : []))
    .join(' or ')

const exampleText =
  (words: string) =>
  ({ command }: AddHelpTextContext): string =>
    `\n${command.createHelp().styleTitle('Example:')}\n  migrator ${words}`
