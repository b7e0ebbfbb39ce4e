import type { Command } from 'commander'
import { type CreateContext, example } from './commands.ts'

/** Adds the commands for backups. Each imports its own code when it is called. */
export const addBackupCommands = (program: Command, createContext: CreateContext): void => {
  program
    .command('backup')
    .description('copy the database into the folder "backups" beside it, check the copy, and print its path')
    .addHelpText('after', example('backup'))
    .action(async () => {
      const { backup } = await import('../commands/backup.ts')
      await backup(await createContext())
    })

  program
    .command('backups')
    .description('list the backups, oldest first')
    .option('--json', 'as JSON')
    .addHelpText('after', example('backups --json | jq -r ".[-1].file"'))
    .action(async ({ json }: { json?: true }) => {
      const { backups } = await import('../commands/backups.ts')
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
      const { restore } = await import('../commands/restore.ts')
      await restore(await createContext(), file, { latest: latest === true, yes: yes === true })
    })
}
