import { type Command, Option } from 'commander'
import type { SchemaFormat } from '../commands/schema.ts'
import { type CreateContext, example } from './commands.ts'

/** Adds the commands about a database's structure. Each imports its own code when it is called. */
export const addStructureCommands = (program: Command, createContext: CreateContext): void => {
  program
    .command('verify')
    .description('check the whole volume: damage, foreign keys, history, structure, marker; reads only')
    .option('--json', 'as JSON')
    .addHelpText('after', example('verify --json | jq .findings'))
    .action(async ({ json }: { json?: true }) => {
      const { verify } = await import('../commands/verify.ts')
      await verify(await createContext(), { json: json === true })
    })

  program
    .command('adopt')
    .description('take over a database that another tool made: record the migrations whose structure it has')
    .option('--json', 'as JSON')
    .addHelpText('after', example('adopt && migrator up'))
    .action(async ({ json }: { json?: true }) => {
      const { adopt } = await import('../commands/adopt.ts')
      await adopt(await createContext(), { json: json === true })
    })

  program
    .command('schema')
    .description('show the structure of the database; reads only')
    .addOption(new Option('--format <format>', 'how').choices(['sql', 'mermaid', 'markdown', 'json']).default('sql'))
    .addOption(new Option('--json', 'the same as --format json').conflicts('format'))
    .addHelpText('after', example('schema --format mermaid'))
    .action(async ({ format, json }: { format: SchemaFormat; json?: true }) => {
      const { schema } = await import('../commands/schema.ts')
      await schema(await createContext(), json ? 'json' : format)
    })
}
