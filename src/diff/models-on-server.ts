// This file is about PostgreSQL.
import type { Context } from '../context.ts'
import { runPlain } from '../engine.ts'
import { must } from '../failure.ts'
import type { Connection } from '../postgres/connect.ts'
import { createHandle } from '../postgres/handle.ts'
import { readServerSchema } from '../postgres/schema.ts'
import { withEmptySchema } from '../postgres/scratch.ts'
import { connectHandle } from '../postgres/sequelize.ts'
import { tellSchema } from '../postgres/sequelize-internals.ts'
import { statementsOf } from '../postgres/sql.ts'
import { giveConnection, makeTables, refused, type Target } from './models.ts'
import type { ServerModels } from './unsaid-on-server.ts'

/**
 * The schema that models of Sequelize 6 make in an empty schema of a server, which is rolled back. The database that the models are
 * bound to is not opened.
 * @throws Failure CONFIG_INVALID for whatever is no file of models for PostgreSQL; what withEmptySchema throws
 */
export const readModelsOnServer = (context: Context, path: string): Promise<ServerModels> =>
  withEmptySchema(context, async ({ connection }) => {
    const timed = await makeTables(path, onServer(connection))
    return { schema: await readServerSchema(connection), timed }
  })

const onServer = (connection: Connection): Target => {
  const fresh = connectHandle(connection, createHandle(apart(connection)), runPlain)
  const { connectionManager } = fresh as unknown as { connectionManager: { getConnection: () => Promise<unknown> } }
  return {
    name: 'PostgreSQL',
    dialects: ['postgres'],
    connect6: () => fresh as never,
    connect7: async path => {
      throw refused(path, 'is for Sequelize 7, whose models are compared on SQLite only', 'Use models of Sequelize 6.')
    },
    redirect: instance => {
      const sequelize = tellSchema(instance as never, connection.address.schema)
      // some of its queries take no option
      Object.assign((sequelize as unknown as { options: object }).options, { logging: false })
      let one: Promise<unknown> | undefined
      giveConnection(instance, () => {
        one ??= connectionManager.getConnection()
        return one
      })
    },
  }
}

/** Sequelize makes some texts of several statements, as where a column has a comment; a server refuses them. */
const apart = (connection: Connection): Connection => ({
  ...connection,
  query: async (sql, values, types) => {
    const texts = statementsOf(sql).map(statement => statement.sql)
    for (const text of texts.slice(0, -1)) await connection.query(text)
    return connection.query(must(texts.at(-1)), values, types)
  },
})
