import { type Connection, openDatabase } from '../database/open.ts'
import { withTransaction } from '../database/transaction.ts'
import { type Context, patienceOf } from './context.ts'

/**
 * Opens a database, lets `work` have it under its write lock, in one transaction, and closes it. Whether there is one is to be
 * looked at before: where there is none, an empty one is made.
 * @throws what `work` throws, after ROLLBACK; SQLite's own errors
 */
export const withDatabase = async <T>(
  context: Context,
  path: string,
  work: (connection: Connection) => Promise<T>,
): Promise<T> => {
  const connection = openDatabase(path)
  try {
    return await withTransaction(connection, patienceOf(context), () => work(connection))
  } finally {
    connection.close()
  }
}
