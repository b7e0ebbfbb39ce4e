import Database from 'better-sqlite3'
import { attempt } from '../../attempt.ts'

/**
 * Whether a column with this default can be added to a table that has rows: SQLite itself is asked, with a table of one row.
 * @param value the SQL of a default, as SQLite keeps it
 */
export const isConstant = (value: string): boolean => {
  const connection = new Database(':memory:')
  try {
    connection.exec('CREATE TABLE one (a); INSERT INTO one VALUES (1)')
    return 'value' in attempt(() => connection.exec(`ALTER TABLE one ADD COLUMN b DEFAULT (${value})`))
  } finally {
    connection.close()
  }
}
