import { type AddHelpTextContext, type Command, InvalidArgumentError, Option } from 'commander'
import type { Context } from '../commands/context.ts'

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
      if (hold) await (await import('../commands/hold.ts')).hold(await createContext())
      else await (await import('../commands/up.ts')).up(await createContext(), to)
    })

  program
    .command('status')
    .description('show applied and pending migrations, sizes, marker and backups; reads only')
    .option('--json', 'as JSON')
    .option('--exit-code', 'end with 3 when something is pending, and with what "up" would refuse the database with')
    .addHelpText('after', example('status --json | jq .ready'))
    .action(async ({ json, exitCode }: { json?: true; exitCode?: true }) => {
      const { status } = await import('../commands/status.ts')
      await status(await createContext(), { json: json === true, exitCode: exitCode === true })
    })

  program
    .command('wait')
    .description('block until the ready marker is true for this image; ends with 20 at the timeout')
    .option('--timeout <seconds>', 'how long to wait (default: MIGRATOR_LOCK_TIMEOUT)', toSeconds)
    .addHelpText('after', example('wait --timeout 120 && node hub.js'))
    .action(async ({ timeout }: { timeout?: number }) => {
      const { wait } = await import('../commands/wait.ts')
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
      const { down } = await import('../commands/down.ts')
      await down(await createContext(), to === undefined ? { steps } : { to }, yes === true)
    })

  program
    .command('repair')
    .argument('<name>', 'a migration that is applied, without extension')
    .description('record the present text of a changed migration, after a person looked at it')
    .addHelpText('after', example('repair 0001-create-servers'))
    .action(async (name: string) => {
      const { repair } = await import('../commands/repair.ts')
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
      const { create } = await import('../commands/create.ts')
      create(await createContext(), name)
    })
}

/** Adds what the program starts itself by (src/database/helper.ts); no settings are read for it. */
export const addInternalCommand = (program: Command, print: (text: string) => void): void => {
  program
    .command('internal', { hidden: true })
    .argument('<words...>')
    .action(async (words: readonly string[]) => {
      const { internal } = await import('../commands/internal.ts')
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
