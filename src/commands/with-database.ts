import { type Connection, closeUnlessDamaged, openDatabase } from '../database/open.ts'
import { toFailure } from '../database/sqlite-failure.ts'
import { withTransaction } from '../database/transaction.ts'
import { type Context, patienceOf } from './context.ts'
import { distrustLocks } from './try-volume.ts'

/**
 * Opens a database, lets `work` have it under its write lock, in one transaction, and closes it. Whether there is one is to be
 * looked at before: where there is none, an empty one is made.
 * @throws what `work` throws, after ROLLBACK; Failure FILESYSTEM_UNSUITABLE where the lock does not hold; what SQLite's own errors
 *   mean
 */
export const withDatabase = async <T>(
  context: Context,
  path: string,
  work: (connection: Connection, commit: () => Promise<void>) => Promise<T>,
): Promise<T> => {
  const connection = openDatabase(path)
  try {
    const result = await withTransaction(connection, patienceOf(context), async commit => {
      await distrustLocks(context, connection)
      return work(connection, commit)
    })
    connection.close()
    return result
  } catch (error) {
    const failure = toFailure(error, path)
    closeUnlessDamaged(connection, failure)
    throw failure
  }
}
