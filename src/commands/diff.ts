import { existsSync } from 'node:fs'
import type { Context } from '../context.ts'
import { writeMigration } from '../diff/on-file.ts'
import { schemaOfDatabase, schemaOfMigrations, schemaOfModels } from '../diff/schemas.ts'
import { formatThings } from '../text.ts'
import { filesIn, nextFile, nextTwin, writeFile, writeTemplate } from './create.ts'

/**
 * Writes the next migration, which brings the schema of the migrations to that of the database, or of models, and prints its path.
 * Reads the database only. Without a difference it writes nothing. On a server, where the folder is for both engines, it writes the
 * twin, and makes the file of the common text, which is yet to be written.
 * @throws Failure CONFIG_INVALID for a name, a database or models that make no sense; MIGRATION_FAILED if a migration fails on an
 *   empty database
 */
export const diff = async (
  context: Context,
  name: string,
  { models, sql }: Readonly<{ models?: string; sql: boolean }>,
): Promise<void> => {
  const { config, engine, log, print } = context
  const { file, common, written } =
    engine.server === undefined
      ? { ...(await writeForFile(context, name, models, sql)), common: undefined }
      : await writeForServer(context, name, models, sql)
  if (written === undefined) {
    const of = models ?? config.database
    log.info('diff.none', `nothing to write: the migrations make the schema of ${of}`, { of })
    return
  }
  const { text, calls, decisions } = written
  writeFile(file, text)
  print(`${file}\n`)
  const more = decisions === 0 ? 'none' : `${decisions}, each a comment that begins with "To decide"`
  log.info('diff.written', `wrote ${formatThings(calls, 'call')}; to decide: ${more}`, { file, calls, decisions })
  if (common !== undefined) writeTemplate(context, common)
}

const writeForFile = async (context: Context, name: string, models: string | undefined, sql: boolean) => {
  const folder = context.config.migrations
  const present = await schemaOfMigrations(context, existsSync(folder) && filesIn(folder).length > 0)
  const wanted = models === undefined ? await schemaOfDatabase(context) : await schemaOfModels(models, present)
  const next = nextFile(context, name, { sql })
  return { file: next.file, written: await writeMigration(present, wanted, { isOfModels: models !== undefined }, next) }
}

const writeForServer = async (context: Context, name: string, models: string | undefined, sql: boolean) => {
  const { file: next, before, common } = nextTwin(context, name, { sql })
  const { diffOnServer } = await import('../diff/on-server.ts')
  return { file: next.file, common, written: await diffOnServer(context, before, models, next) }
}
