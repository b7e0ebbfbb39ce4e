// This file is about PostgreSQL; the Finding is SQLite's.
import type { Context } from '../context.ts'
import { runPlain } from '../engine.ts'
import type { MigrationFile } from '../migrations/files.ts'
import { loadForTrial } from '../on-server/online.ts'
import { readServerSchema, type ServerSchema } from '../postgres/schema.ts'
import { type Scratch, withEmptySchema } from '../postgres/scratch.ts'
import type { Finding } from '../sqlite/schema/compare.ts'
import { compareOnServer, readHere } from '../verify/on-server.ts'
import { runAll } from '../verify/run-all.ts'
import { readModelsOnServer } from './models-on-server.ts'
import { writeOnServer } from './try-on-server.ts'
import { withUnsaidOnServer } from './unsaid-on-server.ts'
import type { Form, Written } from './write.ts'

/**
 * Writes the migration that brings what migrations make of an empty schema to the schema of the hub's database, which is only read,
 * or to that of models. Tried where MIGRATOR_SCRATCH_URL says, or in a new database beside, and rolled back.
 * @throws what withEmptySchema, runAll and readModelsOnServer throw
 */
export const diffOnServer = async (
  context: Context,
  files: readonly MigrationFile[],
  models: string | undefined,
  form: Form,
): Promise<Written | undefined> => {
  const isOfModels = models !== undefined
  const asked = isOfModels
    ? await readModelsOnServer(context, models)
    : { schema: await readHere(context, ({ connection }) => readServerSchema(connection)), timed: [] }
  return afterMigrations(context, files, async ({ connection }) => {
    const wanted = isOfModels ? withUnsaidOnServer(asked, await readServerSchema(connection)) : asked.schema
    return writeOnServer(connection, wanted, { isOfModels }, form)
  })
}

/** In what models differ from what migrations make; the models are what is expected. @throws as diffOnServer */
export const findDifferencesOnServer = async (
  context: Context,
  files: readonly MigrationFile[],
  models: string,
): Promise<readonly Finding[]> => {
  const asked = await readModelsOnServer(context, models)
  const present = await afterMigrations(context, files, ({ connection }) => readServerSchema(connection))
  const expected: ServerSchema = withUnsaidOnServer(asked, present)
  return compareOnServer(expected, present, { adopted: false }).map(finding => ({ ...finding, weight: 'difference' }))
}

const afterMigrations = <T>(
  context: Context,
  files: readonly MigrationFile[],
  work: (scratch: Scratch) => Promise<T>,
): Promise<T> => {
  const { signal, version } = context
  return withEmptySchema(context, async scratch => {
    const migrations = await loadForTrial(files, signal)
    if (migrations.length > 0)
      await runAll(scratch, migrations, { version, signal, hook: runPlain, afterEach: () => undefined })
    return work(scratch)
  })
}
