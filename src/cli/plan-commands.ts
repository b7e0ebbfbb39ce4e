import { type Command, Option } from 'commander'
import { type CreateContext, example } from './commands.ts'

/** Adds the commands for looking at migrations before they touch a database. */
export const addPlanCommands = (program: Command, createContext: CreateContext): void => {
  program
    .command('plan')
    .description('try the pending migrations on a copy and show what they do; touches nothing')
    .addOption(new Option('--sql', 'print the statements alone, as a script').conflicts('json'))
    .option('--json', 'as JSON')
    .addHelpText('after', example('plan --sql > plan.sql'))
    .action(async ({ json, sql }: { json?: true; sql?: true }) => {
      const { plan } = await import('../commands/plan.ts')
      await plan(await createContext(), { json: json === true, sql: sql === true })
    })

  program
    .command('lint')
    .argument('[name...]', 'migrations, without extension (default: all)')
    .description('run migrations in memory and say what is wrong with them, or dangerous; opens no database')
    .option('--json', 'as JSON')
    .addHelpText('after', example('lint 0003-add-os-info'))
    .action(async (names: readonly string[], { json }: { json?: true }) => {
      const { lint } = await import('../commands/lint.ts')
      await lint(await createContext(), names, { json: json === true })
    })
}
