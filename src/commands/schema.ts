import type { Context } from '../context.ts'
import { toMarkdown } from '../draw/markdown.ts'
import { toMermaid } from '../draw/mermaid.ts'
import { drawingOf } from '../draw/on-file.ts'
import { Failure, must } from '../failure.ts'
import { headOf } from '../migrations/plan.ts'
import { readState } from '../ready/readiness.ts'
import { readSchema, type Schema } from '../sqlite/schema/read.ts'
import { createSqlite } from '../sqlite/sqlite.ts'

export type SchemaFormat = 'sql' | 'mermaid' | 'markdown' | 'json'

/**
 * Prints the schema of the database as it is. Reads only and leaves no trace.
 * @throws Failure CONFIG_INVALID if there is no database; VOLUME_MISSING, DATABASE_DAMAGED, DATABASE_BUSY
 */
export const schema = async (context: Context, format: SchemaFormat): Promise<void> => {
  const { config, print } = context
  if (context.engine.server !== undefined) return schemaOnServer(context, format)
  const engine = createSqlite(context)
  await engine.validate('read')
  const { applied, more: structure } = await readState(engine, config, 'wait', async ({ connection }) =>
    readSchema(connection),
  )
  if (structure === undefined) {
    const hint = 'Run `migrator up`, which makes it, or set DATABASE_URL to another file.'
    throw new Failure('CONFIG_INVALID', `there is no database ${config.database}`, hint)
  }
  const name = applied.at(-1)?.name ?? null
  const write = {
    sql: () => toSql(structure),
    mermaid: () => toMermaid(drawingOf(structure)),
    markdown: () => toMarkdown(drawingOf(structure), name),
    // documented in docs/commands/schema.md: fields are added, never changed
    json: () => `${JSON.stringify({ database: config.database, schema: name, ...structure })}\n`,
  }
  print(write[format]())
}

const schemaOnServer = async ({ config, print, ...context }: Context, format: SchemaFormat): Promise<void> => {
  const { server } = config
  const [{ drawingOf }, { createPostgres }, { readServerSchema }, { toScript }] = await Promise.all([
    import('../draw/on-server.ts'),
    import('../postgres/postgres.ts'),
    import('../postgres/schema.ts'),
    import('../postgres/script.ts'),
  ])
  const engine = createPostgres({ ...context, config }, must(server))
  const { objects, drawing, schema } = await engine.read('wait', async reader => ({
    objects: await reader.objects(),
    drawing: drawingOf(await readServerSchema(reader.connection)),
    schema: headOf(await reader.history()) || null,
  }))
  const write = {
    sql: () => toScript(objects),
    mermaid: () => toMermaid(drawing),
    markdown: () => toMarkdown(drawing, schema),
    // documented in docs/postgres.md: fields are added, never changed
    json: () => `${JSON.stringify({ database: config.database, schema, objects })}\n`,
  }
  print(write[format]())
}

/** In runnable order: each statement comes after those it needs. */
const toSql = ({ tables, views, triggers }: Schema): string => {
  const indexes = tables.flatMap(table => table.indexes.flatMap(({ sql }) => sql ?? []))
  const statements = [...tables.map(({ sql }) => sql), ...indexes, ...[...views, ...triggers].map(({ sql }) => sql)]
  return statements.map(sql => `${sql};\n`).join('')
}
