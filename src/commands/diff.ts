import { existsSync, readdirSync } from 'node:fs'
import type { Context } from '../context.ts'
import { writeMigration } from '../diff/on-file.ts'
import { schemaOfDatabase, schemaOfMigrations, schemaOfModels } from '../diff/schemas.ts'
import { formatThings } from '../text.ts'
import { nextFile, writeFile } from './create.ts'

/**
 * Writes the next migration, which brings the schema of the migrations to that of the database, or of models, and prints its path.
 * Reads the database only. Without a difference it writes nothing.
 * @throws Failure CONFIG_INVALID for a name, a database or models that make no sense; MIGRATION_FAILED if a migration fails on an
 *   empty database
 */
export const diff = async (
  context: Context,
  name: string,
  { models, sql }: Readonly<{ models?: string; sql: boolean }>,
): Promise<void> => {
  const { config, log, print } = context
  const folder = config.migrations
  const areThere = existsSync(folder) && readdirSync(folder).some(entry => !entry.startsWith('.'))
  const present = await schemaOfMigrations(context, areThere)
  const of = models ?? config.database
  const wanted = models === undefined ? await schemaOfDatabase(context) : await schemaOfModels(models, present)
  const next = nextFile(context, name, { sql })
  const written = await writeMigration(present, wanted, { isOfModels: models !== undefined }, next)
  if (written === undefined) {
    log.info('diff.none', `nothing to write: the migrations make the schema of ${of}`, { of })
    return
  }
  const { text, calls, decisions } = written
  writeFile(next.file, text)
  print(`${next.file}\n`)
  const more = decisions === 0 ? 'none' : `${decisions}, each a comment that begins with "To decide"`
  log.info('diff.written', `wrote ${formatThings(calls, 'call')}; to decide: ${more}`, {
    file: next.file,
    calls,
    decisions,
  })
}
