import Database from 'better-sqlite3'
import { attempt } from '../attempt.ts'
import { Failure } from '../failure.ts'
import { hints } from '../volume/file-failure.ts'
import { type Helper, runHelper } from './helper.ts'
import { isBusy } from './sqlite-failure.ts'

/** Tries to take the write lock of a database, and gives it back at once. @throws SQLite's errors, other than that it is taken */
export const tryLock = (path: string): 'taken' | 'free' => {
  const connection = new Database(path, { fileMustExist: true, timeout: 0 })
  const outcome = attempt(() => connection.exec('BEGIN IMMEDIATE'))
  connection.close()
  if ('error' in outcome && !isBusy(outcome.error)) throw outcome.error
  return 'error' in outcome ? 'taken' : 'free'
}

/**
 * For a filesystem whose locks may be for show: another process must not get the write lock that this one holds.
 * @throws Failure FILESYSTEM_UNSUITABLE when it does
 */
export const refuseFalseLocks = async (path: string, filesystem: string, helper: Helper): Promise<void> => {
  if ((await runHelper(helper, ['lock', path], () => undefined)) === 'taken') return
  throw new Failure(
    'FILESYSTEM_UNSUITABLE',
    `locks do not hold on ${filesystem} under ${path}: two processes got the write lock at once`,
    hints.FILESYSTEM_UNSUITABLE,
  )
}
