import type { Context } from '../context.ts'
import { toMarkdown } from '../draw/markdown.ts'
import { toMermaid } from '../draw/mermaid.ts'
import { Failure } from '../failure.ts'
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
    const hint = 'Run "migrator up", which makes it, or name another file with DATABASE_URL.'
    throw new Failure('CONFIG_INVALID', `there is no database ${config.database}`, hint)
  }
  const name = applied.at(-1)?.name ?? null
  const write = {
    sql: () => toSql(structure),
    mermaid: () => toMermaid(structure),
    markdown: () => toMarkdown(structure, name),
    // documented in docs/commands/schema.md: fields are added, never changed
    json: () => `${JSON.stringify({ database: config.database, schema: name, ...structure })}\n`,
  }
  print(write[format]())
}

/** Of a server's database there are the statements alone: what draws tables reads SQLite's. */
const schemaOnServer = async ({ config, engine, print }: Context, format: SchemaFormat): Promise<void> => {
  if (format !== 'sql' && format !== 'json') {
    const hint = 'Use --format sql or json with a server.'
    throw new Failure('CONFIG_INVALID', `the format ${format} is for a database that is a file`, hint)
  }
  const found = await engine.read('wait', async reader => ({
    objects: await reader.objects(),
    schema: headOf(await reader.history()) || null,
  }))
  const { objects = [], schema = null } = found ?? {}
  const { toScript } = await import('../postgres/script.ts')
  // documented in docs/postgres.md: fields are added, never changed
  print(format === 'sql' ? toScript(objects) : `${JSON.stringify({ database: config.database, schema, objects })}\n`)
}

/** In runnable order: each statement comes after those it needs. */
const toSql = ({ tables, views, triggers }: Schema): string => {
  const indexes = tables.flatMap(table => table.indexes.flatMap(({ sql }) => sql ?? []))
  const statements = [...tables.map(({ sql }) => sql), ...indexes, ...[...views, ...triggers].map(({ sql }) => sql)]
  return statements.map(sql => `${sql};\n`).join('')
}
