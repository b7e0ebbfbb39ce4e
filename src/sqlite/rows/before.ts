import { resolve } from 'node:path'
import type { Connection } from '../connect.ts'
import { quote, quoteType } from '../sql.ts'
import { type Life, presentName, typeIn } from './lives.ts'
import { hasKey, keyColumns } from './row-triggers.ts'

/** The rows of the tables as they were before a transaction. */
export type Before = Readonly<{
  /** Call it only after the migrations: their unqualified names must not resolve to tables of an attached file. */
  open: () => void
  /** the SQL to SELECT a table's old rows FROM, under its old column names */
  rowsOf: (life: Life) => string
  /** the name of the rowid there, for a table without a primary key */
  rowidOf: (life: Life) => string | null
  /** whether all values are known, or only keys */
  hasValues: (life: Life) => boolean
}>

/**
 * The file that stays as the database is before a transaction. In WAL mode that is its own, in which another connection still reads the
 * last commit. In rollback-journal mode the writer may overwrite it: then it is the run's own backup.
 * @param backup a copy of the database that no process writes; undefined if there is none
 * @returns undefined if there is no such file
 */
export const fileBefore = (connection: Connection, backup: string | undefined): string | undefined => {
  const file = connection.pragma('main.journal_mode', { simple: true }) === 'wal' ? connection.name : backup
  return file === undefined ? undefined : resolve(file)
}

/** @param file of fileBefore; without one the keys are copied now, and tables without a key whole */
export const keepBefore = (connection: Connection, lives: readonly Life[], file: string | undefined): Before =>
  file === undefined ? keepKeys(connection, lives) : attachLater(connection, file)

const attachLater = (connection: Connection, file: string): Before => ({
  open: () => void connection.prepare('ATTACH ? AS "migrator before"').run(file),
  rowsOf: life => `"migrator before".${quote(presentName(life))}`,
  rowidOf: ({ rowid }) => rowid,
  hasValues: () => true,
})

/** Copies the keys of these tables now, and tables without a key whole. */
export const keepKeys = (connection: Connection, lives: readonly Life[]): Before => {
  const copyOf = ({ id }: Life): string => `temp."migrator before ${id}"`
  // CREATE TABLE ... AS would drop the collations of keys; others than SQLite's only the hub has
  const collations = connection.prepare<[string], { name: string; collation: string }>(
    `SELECT x.name, x.coll AS collation FROM pragma_index_list(?, 'main') AS i JOIN pragma_index_xinfo(i.name, 'main') AS x
     WHERE i.origin = 'pk' AND x.key = 1 AND x.coll COLLATE NOCASE IN ('BINARY', 'NOCASE', 'RTRIM')`,
  )
  for (const life of lives) {
    const from = `main.${quote(presentName(life))}`
    const copy = copyOf(life).slice('temp.'.length)
    connection.exec(`DROP TABLE IF EXISTS ${copyOf(life)}`)
    if (hasKey(life)) {
      const key = keyColumns(life)
      const known = collations.all(presentName(life))
      const columns = key.map(name => {
        const collation = known.find(column => column.name === name)?.collation ?? 'BINARY'
        return `${quote(name)} ${quoteType(typeIn(life, name))} COLLATE ${quote(collation)}`
      })
      connection.exec(`CREATE TEMP TABLE ${copy} (${columns.join(', ')});
        INSERT INTO ${copyOf(life)} SELECT ${key.map(quote).join(', ')} FROM ${from}`)
    } else {
      const rowid = life.rowid === null ? [] : [`${life.rowid} AS "migrator rowid"`]
      const stored = life.columns.filter(column => column.stored).map(({ name }) => quote(name))
      connection.exec(`CREATE TEMP TABLE ${copy} AS SELECT ${[...rowid, ...stored].join(', ')} FROM ${from}`)
    }
  }
  return {
    open: () => undefined,
    rowsOf: copyOf,
    rowidOf: ({ rowid }) => (rowid === null ? null : 'migrator rowid'),
    hasValues: life => !hasKey(life),
  }
}
