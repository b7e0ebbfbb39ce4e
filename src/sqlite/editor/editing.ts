import Database from 'better-sqlite3'
import type { QueryInterface } from 'sequelize'
import type { Connection } from '../connect.ts'
import { readTable, type Table } from '../schema/read.ts'

/** What the calls of the editor work with: they read on the connection, and all that they change goes through Sequelize. */
export type Editing = Readonly<{ connection: Connection; schema: QueryInterface }>

export const run = async ({ schema }: Editing, sql: string): Promise<void> => {
  await schema.sequelize.query(sql)
}

/**
 * The table of this name, whatever the case of its letters.
 * @throws Error where there is none, it is a view or a virtual table, or a temporary table hides it
 */
export const findTable = ({ connection }: Editing, name: string): Table => {
  const kinds = connection
    .prepare<[string], string>(
      `SELECT iif(schema = 'temp', 'temp', type) FROM pragma_table_list WHERE name = ? COLLATE NOCASE`,
    )
    .pluck()
    .all(name)
  const table = readTable(connection, name)
  if (kinds.includes('temp')) throw new Error(`a temporary table hides ${name}: drop that one first`)
  if (table === undefined) throw new Error(`there is no table ${name}${kinds.includes('view') ? ', but a view' : ''}`)
  if (table.virtual) throw new Error(`${name} is a virtual table, which cannot be altered: drop it and create it again`)
  return table
}

/**
 * Makes a table in memory, and reads something of it there.
 * @throws SQLite's error where the statements do not make one
 */
export const inMemory = <T>(statements: readonly string[], read: (connection: Connection) => T): T => {
  const connection = new Database(':memory:')
  try {
    connection.pragma('foreign_keys = OFF')
    for (const sql of statements) connection.prepare(sql).run()
    return read(connection)
  } finally {
    connection.close()
  }
}

/** Runs a change of several statements, of which nothing is left when one of them fails, also where a migration goes on then. */
export const atomically = async (editing: Editing, work: () => Promise<void>): Promise<void> => {
  await run(editing, 'SAVEPOINT edit')
  try {
    await work()
  } catch (error) {
    // SQLite itself may have rolled back everything (a full disk)
    if (editing.connection.inTransaction) {
      await run(editing, 'ROLLBACK TO edit')
      await run(editing, 'RELEASE edit')
    }
    throw error
  }
  await run(editing, 'RELEASE edit')
}
