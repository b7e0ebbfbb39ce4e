import Database from 'better-sqlite3'
import type { QueryInterface, Transaction } from 'sequelize'
import type { Connection } from '../connect.ts'
import { readTable, type Table } from '../schema/read.ts'
import { quote } from '../sql.ts'

/** The context of the editor's calls: they read on the connection, and make every change through Sequelize. */
export type Editing = Readonly<{
  connection: Connection
  schema: QueryInterface
  /** the one that a call is given; undefined for none */
  transaction?: Transaction | null | undefined
}>

export const run = async ({ schema, transaction }: Editing, sql: string): Promise<void> => {
  await schema.sequelize.query(sql, withTransaction(transaction))
}

/** As an option of a query; none if there is none, so that Sequelize may take one from its context. */
export const withTransaction = (transaction: Editing['transaction']): Readonly<{ transaction?: Transaction }> =>
  transaction ? { transaction } : {}

/**
 * The table of this name, ignoring case.
 * @throws Error if there is none, it is a view or a virtual table, or a temporary table hides it
 */
export const findTable = ({ connection }: Editing, name: string): Table => {
  const kinds = connection
    .prepare<[string], string>(
      `SELECT iif(schema = 'temp', 'temp', type) FROM pragma_table_list WHERE name = ? COLLATE NOCASE`,
    )
    .pluck()
    .all(name)
  const table = readTable(connection, name)
  if (kinds.includes('temp'))
    throw new Error(`a temporary table hides ${name}: use DROP TABLE temp.${quote(name)} first`)
  if (table === undefined) throw new Error(`there is no table ${name}${kinds.includes('view') ? ', but a view' : ''}`)
  if (table.virtual) throw new Error(`${name} is a virtual table, which cannot be altered: drop it and create it again`)
  return table
}

/**
 * Runs the statements on a database in memory, and reads from it.
 * @throws SQLite's error if a statement fails
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

/** Runs several statements in a savepoint: if one fails all are rolled back, even if the migration catches the error. */
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
