import type { Connection } from './connect.ts'
import { quote } from './sql.ts'

/**
 * Takes back what a migration left in the session by a function or a block, whose words nobody reads: settings, temporary tables, cursors,
 * prepared statements, locks. Undone with the transaction; apply the settings anew after it.
 */
export const leaveNothing = async (connection: Connection): Promise<void> => {
  const all = [
    'RESET ALL',
    'CLOSE ALL',
    'DEALLOCATE ALL',
    'UNLISTEN *',
    'DISCARD TEMP',
    'SELECT pg_advisory_unlock_all()',
  ]
  for (const sql of all) await connection.query(sql)
}

/** Settings of a migration's transaction, whatever the server's, the role's or the session's are. */
const settings = {
  statement_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  // a killed client's statement would otherwise go on, with its locks
  client_connection_check_interval: '500ms',
  TimeZone: 'UTC',
  standard_conforming_strings: 'on',
} as const

/**
 * Applies settings to the open transaction only: a pooler gives the session to another program next. The search_path is the
 * schema of the URL alone.
 * @param statementLockTimeout seconds that one statement waits for a lock on a table
 */
export const applySettings = async (connection: Connection, statementLockTimeout: number): Promise<void> => {
  const all = {
    ...settings,
    lock_timeout: `${statementLockTimeout}s`,
    search_path: quote(connection.address.schema),
  }
  const calls = Object.keys(all).map((_, index) => `set_config($${index * 2 + 1}, $${index * 2 + 2}, true)`)
  // a commit that is confirmed is on disk; a stricter setting stays
  const durable = `set_config('synchronous_commit',
    CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true)`
  await connection.query(`SELECT ${[durable, ...calls].join(', ')}`, Object.entries(all).flat())
}
