import type { Reader } from '../engine.ts'
import { must } from '../failure.ts'
import { hasObjects, readTableNames } from './catalog.ts'
import type { Connection } from './connect.ts'
import { hasHistory, readHistory } from './history.ts'
import { readObjects } from './schema.ts'
import { inSchema } from './sql.ts'

export type PostgresReader = Reader & Readonly<{ connection: Connection }>

/** The engine-independent Reader of a database; `connection` is for code that is about PostgreSQL. */
export const readerOf = (connection: Connection): PostgresReader => ({
  connection,
  isEmpty: async () => !(await hasObjects(connection)),
  history: () => readHistory(connection),
  strangersTable: async () => ((await hasHistory(connection)) ? undefined : (await readTableNames(connection))[0]),
  objects: () => readObjects(connection),
  rows: async () => {
    const { schema } = connection.address
    const counted = []
    for (const name of await readTableNames(connection)) {
      const [count] = await connection.rows<{ rows: number }>(`SELECT count(*) AS rows FROM ${inSchema(schema, name)}`)
      counted.push({ name, rows: must(count).rows })
    }
    return counted
  },
})
