// This room is about SQLite.
import type { Context } from '../context.ts'
import { Failure } from '../failure.ts'
import { readMigrationFiles } from '../migrations/files.ts'
import { loadMigrations } from '../migrations/load.ts'
import { readState } from '../ready/readiness.ts'
import type { Finding } from '../sqlite/schema/compare.ts'
import { readAppSchema, type Schema } from '../sqlite/schema/read.ts'
import { createSqlite } from '../sqlite/sqlite.ts'
import { expectedStructure } from '../verify/expected.ts'
import { readModels } from './models.ts'
import { differencesOf } from './plan.ts'
import { withUnsaid } from './unsaid.ts'

const nothing: Schema = { tables: [], views: [], triggers: [] }

/** The schema that all migrations make of an empty database; without migrations there is nothing in it. */
export const schemaOfMigrations = async ({ config, signal, version }: Context, areThere: boolean): Promise<Schema> =>
  areThere
    ? expectedStructure(await loadMigrations(readMigrationFiles(config.migrations), signal), version, signal)
    : nothing

/** The schema of the database that the settings name. @throws Failure CONFIG_INVALID if there is none */
export const schemaOfDatabase = async (context: Context): Promise<Schema> => {
  const { config } = context
  const engine = createSqlite(context)
  await engine.validate('read')
  const { more } = await readState(engine, config, 'wait', async ({ connection }) => readAppSchema(connection))
  if (more !== undefined) return more
  const hint = 'Set DATABASE_URL to the database that has the schema, or give models with --models FILE.'
  throw new Failure('CONFIG_INVALID', `there is no database ${config.database}`, hint)
}

/** The schema that models ask for, where the migrations make `present`. */
export const schemaOfModels = async (path: string, present: Schema): Promise<Schema> =>
  withUnsaid(await readModels(path), present)

/** What migrations and models differ in; the models are what is expected.  */
export const findDifferences = (models: Schema, present: Schema): readonly Finding[] =>
  differencesOf(models, present).map(finding => ({ ...finding, weight: 'difference' }))
