import Database from 'better-sqlite3'
import { must } from '../../failure.ts'
import type { Connection } from '../connect.ts'
import { findBrokenKeys } from '../keys.ts'
import { preparePrimaryKey } from '../schema/read.ts'
import { literal, quote } from '../sql.ts'
import { type Life, presentName } from './lives.ts'
import { hasKey, keyColumns, textOfValues } from './row-triggers.ts'

type Orphans = Readonly<{ table: string; parent: string; rows: number }>

/** SQLite's message for each table whose foreign keys it cannot check, by the id of its life. */
type Unchecked = ReadonlyMap<number, string>

/** The rows of each table, by the id of its life. */
type Sizes = ReadonlyMap<number, number>

type KeyRow = { id: number; from: string; to: string | null; parent: string }

/** SQL for the key that a row had before UPDATE changed it, in these tables one after the other. */
const originalKey = (key: string, lives: readonly Life[]): string =>
  lives.reduceRight(
    (now, { id }) => `coalesce((SELECT was FROM temp."migrator moves" WHERE life = ${id} AND now = ${now}), ${now})`,
    key,
  )

/** The name by which the notes know a column of a table; its present name is given. */
export type NameOf = (life: Life, column: string) => string

/** Finds rows without a parent in a database, one by one. */
const createFinder = (connection: Connection) => {
  const keysOf = connection.prepare<[string], KeyRow>(
    `SELECT id, "from", "to", "table" AS parent FROM pragma_foreign_key_list(?, 'main') ORDER BY id, seq`,
  )
  const keyOf = preparePrimaryKey(connection)
  const tables = connection.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE")
  const isThere = (table: string): boolean => tables.get(table) !== undefined

  /** The queries for the orphans of a table, one per foreign key. */
  const queriesFor = (life: Life, nameOf: NameOf): readonly string[] => {
    const name = presentName(life)
    return [...Map.groupBy(keysOf.all(name), ({ id }) => id)].map(([id, parts]) => {
      const columns = parts.map(({ from }) => from)
      // without a primary key the rowid may change in a rebuild
      const key = hasKey(life) ? keyColumns(life) : columns
      const names = columns.map(column => nameOf(life, column))
      const noted = `${literal(names.join())} AS columns, ${literal(String(parts[0]?.parent))} AS parent, ${textOfValues(key, 't.')} AS key`
      const table = `main.${quote(name)} AS t`
      if (life.rowid !== null)
        return `SELECT ${noted} FROM pragma_foreign_key_check(${literal(name)}, 'main') AS c
                JOIN ${table} ON t.${quote(life.rowid)} = c.rowid WHERE c.fkid = ${id}`
      const named = parts.flatMap(({ to }) => to ?? [])
      const parent = String(parts[0]?.parent)
      const every = `SELECT ${noted} FROM ${table} WHERE ${columns.map(column => `t.${quote(column)} IS NOT NULL`).join(' AND ')}`
      if (!isThere(parent)) return every
      const parentColumns = named.length > 0 ? named : keyOf(parent)
      const isIt = columns.map((column, index) => `p.${quote(must(parentColumns[index]))} = t.${quote(column)}`)
      return `${every} AND NOT EXISTS (SELECT 1 FROM main.${quote(parent)} AS p WHERE ${isIt.join(' AND ')})`
    })
  }

  /**
   * Finds them in these tables.
   * @param note gets each table that has orphans, and the queries for them
   */
  return (
    lives: readonly Life[],
    sizes: Sizes,
    nameOf: NameOf,
    note: (life: Life, queries: readonly string[]) => void,
  ): Unchecked => {
    const unchecked = new Map<number, string>()
    for (const life of lives.filter(({ references }) => references)) {
      const found = findBrokenKeys(connection, presentName(life), sizes.get(life.id))
      if ('unchecked' in found) unchecked.set(life.id, found.unchecked)
      else if (found.broken.length > 0) note(life, queriesFor(life, nameOf))
    }
    return unchecked
  }
}

const byPresentName: NameOf = (_, column) => column

/** Notes rows without a parent one by one, so that a new orphan is not offset by another row that gained its parent. */
export const createOrphanNotes = (connection: Connection) => {
  connection.exec(`
    CREATE TEMP TABLE "migrator orphans" (time INTEGER, life INTEGER, columns TEXT, parent TEXT, key TEXT);
    CREATE INDEX temp."migrator orphans by life" ON "migrator orphans" (time, life)`)
  const find = createFinder(connection)
  const noted = connection.prepare<[number]>('SELECT 1 FROM temp."migrator orphans" WHERE time = ? LIMIT 1')

  /**
   * Notes the orphans of tables that are there.
   * @param time the number of this note, one more each time; the same again replaces the note
   * @param nameOf their present names, or to be held against the note before the names that they had then
   */
  const note = (lives: readonly Life[], sizes: Sizes, time: number, nameOf: NameOf = byPresentName): Unchecked => {
    connection.prepare('DELETE FROM temp."migrator orphans" WHERE time < ? OR time = ?').run(time - 1, time)
    return find(lives, sizes, nameOf, (life, queries) => {
      for (const query of queries)
        connection.exec(
          `INSERT INTO temp."migrator orphans" SELECT ${time}, ${life.id}, columns, parent, ${originalKey('key', [life])} FROM (${query})`,
        )
    })
  }

  /** Notes the orphans that a file has, which is the database as it was at that time. */
  const noteIn = (file: string, lives: readonly Life[], sizes: Sizes, time: number): Unchecked => {
    const other = new Database(file, { readonly: true })
    const insert = connection.prepare('INSERT INTO temp."migrator orphans" VALUES (?, ?, ?, ?, ?)')
    try {
      return createFinder(other)(lives, sizes, byPresentName, ({ id }, queries) => {
        for (const query of queries)
          for (const row of other.prepare<[], unknown[]>(query).raw().iterate()) insert.run(time, id, ...row)
      })
    } finally {
      other.close()
    }
  }

  /**
   * The orphans of a table that are new since the last note.
   * @param way the tables that it replaces, the first one first
   */
  const since = (life: Life, way: readonly Life[], time: number): readonly Orphans[] =>
    connection
      .prepare<[number, number, number, number], Omit<Orphans, 'table'>>(
        `SELECT now.parent, sum(now.n - coalesce(old.n, 0)) AS rows FROM
           (SELECT columns, parent, ${originalKey('key', way)} AS key, count(*) AS n FROM temp."migrator orphans"
            WHERE time = ? AND life = ? GROUP BY columns, 3) AS now
         LEFT JOIN
           (SELECT columns, key, count(*) AS n FROM temp."migrator orphans" WHERE time = ? AND life = ?
            GROUP BY columns, key) AS old ON old.columns = now.columns AND old.key = now.key
         WHERE now.n > coalesce(old.n, 0) GROUP BY now.parent ORDER BY now.parent`,
      )
      .all(time, life.id, time - 1, (way[0] ?? life).id)
      .map(({ parent, rows }) => ({ table: presentName(life), parent, rows }))

  /** Whether any row without a parent was noted. */
  const has = (time: number): boolean => noted.get(time) !== undefined

  return { note, noteIn, has, since }
}
