import { basename, join } from 'node:path'
import type { Context } from '../context.ts'
import { writeMigration } from '../diff/on-file.ts'
import { schemaOfDatabase, schemaOfMigrations, schemaOfModels } from '../diff/schemas.ts'
import { type Meant, withMeant } from '../diff/write.ts'
import { must } from '../failure.ts'
import { existsSync } from '../fs.ts'
import { lint } from '../lint/lint.ts'
import { idleLimit } from '../migrations/run.ts'
import { formatThings } from '../text.ts'
import { makeTemporaryFolder } from '../volume/folders.ts'
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
  const written = await writeMigration(present, wanted, { isOfModels: models !== undefined }, next)
  if (written === undefined) return { file: next.file, written }
  const meant = await findMeant(context, next.file, written.text)
  const text = withMeant(written.text, meant, models === undefined ? 'the database' : 'the models', next)
  return { file: next.file, written: { ...written, text } }
}

/** Findings of lint in what takes away what the other side does not have. */
const findMeant = async (context: Context, path: string, text: string): Promise<readonly Meant[]> => {
  const { config, signal, version } = context
  const file = basename(path)
  const folder = makeTemporaryFolder()
  try {
    const copy = join(folder.path, file)
    writeFile(copy, text)
    const migration = { name: file.replace(/\.\w+$/, ''), file: copy, text, checksum: '' }
    const linted = await lint([...filesIn(config.migrations), migration], { version, signal, idleLimit })
    return must(linted.at(-1))
      .findings.filter(({ code }) => meantCodes.includes(code))
      .map(({ code, direction, message }) => ({ code, message: `${direction} ${message}` }))
  } finally {
    folder.remove()
  }
}

/** What a table loses where it is rebuilt. */
const meantCodes: readonly string[] = ['HM101', 'HM105', 'HM107']

const writeForServer = async (context: Context, name: string, models: string | undefined, sql: boolean) => {
  const { file: next, before, common } = nextTwin(context, name, { sql })
  const { diffOnServer } = await import('../diff/on-server.ts')
  return { file: next.file, common, written: await diffOnServer(context, before, models, next) }
}
