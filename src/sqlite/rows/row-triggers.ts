import type { Connection } from '../connect.ts'
import { quote, rowidNames } from '../sql.ts'
import { type Life, presentName } from './lives.ts'

/** How many rows statements deleted from a table; `first` is the number of the first such delete. */
export type Deleted = Readonly<{ life: number; rows: number; first: number }>

/** A trigger; a new one gets a place after all that are there. */
type Made = Readonly<{ place: number; name: string }>

/** Whether it has a primary key. */
export const hasKey = ({ columns }: Pick<Life, 'columns'>): boolean => columns.some(({ key }) => key > 0)

/** The columns that identify a row: the primary key, else the rowid; empty if the table has neither. */
export const keyColumns = ({ columns, rowid }: Pick<Life, 'columns' | 'rowid'>): readonly string[] => {
  const key = columns.filter(({ key }) => key > 0).sort((a, b) => a.key - b.key)
  if (key.length > 0) return key.map(({ name }) => name)
  return rowid === null ? [] : [rowid]
}

/** SQL for the values of columns as one text, which differs whenever a value or its type does. */
export const textOfValues = (columns: readonly string[], prefix = ''): string =>
  columns.length === 0 ? "''" : columns.map(column => `quote(${prefix}${quote(column)})`).join(" || ',' || ")

/** Up to so many tables the triggers are read table by table. */
const few = 8

/**
 * Notes the keys of deleted rows, and key changes, by temporary triggers. Their notes are rolled back with the rows. They see
 * neither DROP TABLE nor the rows that REPLACE overwrites, but for one whose key another row takes by an UPDATE.
 *
 * For each trigger that is made or dropped SQLite reads its whole temporary schema, so there must not be many.
 * @param most so many tables have triggers at a time, and all those that one statement writes
 */
export const createRowTriggers = (connection: Connection, most: number) => {
  connection.exec(`
    CREATE TEMP TABLE "migrator deletes" (life INTEGER, key TEXT);
    CREATE TEMP TABLE "migrator moves" (life INTEGER, was TEXT, now TEXT);
    CREATE TEMP TABLE "migrator overwritten" (life INTEGER, key TEXT);
    CREATE INDEX temp."migrator moves from" ON "migrator moves" (life, was);
    CREATE INDEX temp."migrator moves to" ON "migrator moves" (life, now)`)
  const ofTables = connection.prepare<[], { name: string }>(
    "SELECT name FROM sqlite_temp_schema WHERE type = 'trigger' AND name LIKE 'migrator % of %'",
  )
  const present = connection.prepare<[], { name: string; sql: string }>(
    "SELECT name, sql FROM sqlite_temp_schema WHERE type = 'trigger' AND name LIKE 'migrator %'",
  )
  const ofLife = connection.prepare<[string], { name: string; sql: string }>(
    "SELECT name, sql FROM sqlite_temp_schema WHERE type = 'trigger' AND name LIKE ?",
  )
  const newest = connection.prepare<[], Made>(
    `SELECT rowid AS place, name FROM sqlite_temp_schema WHERE type = 'trigger' AND name LIKE 'migrator % of %'
     ORDER BY rowid DESC LIMIT 1`,
  )
  const nameAt = connection.prepare<[number], string>('SELECT name FROM sqlite_temp_schema WHERE rowid = ?').pluck()
  /** The tables whose triggers are as they should be, and whether they are exempt: a table that changes is another object. */
  let watched = new WeakMap<Life, boolean>()
  /** The newest trigger. Where it is gone, perhaps a ROLLBACK TO took it back, and others with it: nothing older is undone without it. */
  let last: Made | undefined

  const distrust = (): void => {
    watched = new WeakMap()
    last = undefined
  }

  const drop = (): void => {
    for (const { name } of ofTables.all()) connection.exec(`DROP TRIGGER temp.${quote(name)}`)
    distrust()
  }

  /**
   * Call it before a statement that writes these tables, or for all tables when a migration begins and after a schema change. Deletes
   * from exempt tables are not noted.
   */
  const watch = (lives: readonly Life[], isExempt: (life: Life) => boolean): void => {
    if (last !== undefined && nameAt.get(last.place) !== last.name) distrust()
    const isOther = (life: Life): boolean => watched.get(life) !== isExempt(life)
    // virtual tables can have no triggers
    const own = lives.filter(life => !life.ended && !life.virtual)
    if (!own.some(isOther)) return
    if (ofTables.all().length > (most + 1) * 3) drop()
    const others = own.filter(isOther)
    const found = others.length > few ? present.all() : others.flatMap(({ id }) => ofLife.all(`migrator % of ${id}`))
    const there = new Map(found.map(({ name, sql }) => [name, sql]))
    for (const life of others) {
      const nameOf = (what: string): string => `migrator ${what} of ${life.id}`
      const [deletes, moves, over] = [nameOf('deletes'), nameOf('moves'), nameOf('overwritten')]
      if (isExempt(life)) connection.exec(`DROP TRIGGER IF EXISTS temp.${quote(deletes)}`)
      else if (!there.has(deletes)) connection.exec(noteDeletes(deletes, life))
      if (!there.has(moves) && hasKey(life)) connection.exec(noteMoves(moves, life))
      // under legacy_alter_table a rename leaves the old name in a trigger's body
      if (there.get(over)?.includes(tableIn(life)) || !(hasKey(life) || life.rowid !== null)) continue
      connection.exec(`DROP TRIGGER IF EXISTS temp.${quote(over)}`)
      connection.exec(noteOverwritten(over, life))
    }
    for (const life of others) watched.set(life, isExempt(life))
    last = newest.get()
  }

  /** The number of deletes noted so far. */
  const lastDelete = connection
    .prepare<[], number>('SELECT coalesce(max(rowid), 0) FROM temp."migrator deletes"')
    .pluck()
  const deletedSince = connection.prepare<[number], Deleted>(
    'SELECT life, count(*) AS rows, min(rowid) AS first FROM temp."migrator deletes" WHERE rowid > ? GROUP BY life',
  )
  /** Forgets the deletes and key changes noted for a table; the number of deletes stays. */
  const forget = ({ id }: Life): void =>
    void connection.exec(`
      UPDATE temp."migrator deletes" SET life = NULL WHERE life = ${id};
      DELETE FROM temp."migrator moves" WHERE life = ${id}`)
  const finish = (): void => {
    for (const { name } of present.all()) connection.exec(`DROP TRIGGER temp.${quote(name)}`)
  }
  return {
    watch,
    drop,
    lastDelete: (): number => Number(lastDelete.get()),
    forget,
    deletedSince: (mark: number): readonly Deleted[] => deletedSince.all(mark),
    finish,
  }
}

/** SQL that notes a deleted row by its original key, and forgets its move. @param key SQL for its key as a text */
const deleted = ({ id }: Life, key: string, where = ''): string => {
  const ofMove = `life = ${id} AND now = ${key}`
  return `INSERT INTO "migrator deletes" SELECT ${id}, coalesce((SELECT was FROM "migrator moves" WHERE ${ofMove}), ${key}) ${where};
     DELETE FROM "migrator moves" WHERE ${ofMove} ${where.replace('WHERE', 'AND')};`
}

const noteDeletes = (trigger: string, life: Life): string =>
  `CREATE TEMP TRIGGER ${quote(trigger)} AFTER DELETE ON main.${quote(presentName(life))} BEGIN
     ${deleted(life, textOfValues(keyColumns(life), 'OLD.'))}
   END`

/** The table as the body of noteOverwritten reads it. */
const tableIn = (life: Life): string => `main.${quote(presentName(life))} AS t`

/**
 * Notes, before a row takes another key, the row that has it: REPLACE is about to delete that one without a trigger. Changes of
 * rowids are not followed, so without a primary key the row counts as deleted at once.
 */
const noteOverwritten = (trigger: string, life: Life): string => {
  const key = keyColumns(life)
  const [was, now, there] = ['OLD.', 'NEW.', 't.'].map(prefix => textOfValues(key, prefix)) as [string, string, string]
  const isIt = key.map(column => `t.${quote(column)} = NEW.${quote(column)}`).join(' AND ')
  const note = hasKey(life) ? 'overwritten' : 'deletes'
  return `CREATE TEMP TRIGGER ${quote(trigger)}
     BEFORE UPDATE OF ${(hasKey(life) ? key : rowidNames).map(quote).join(', ')} ON main.${quote(presentName(life))}
     WHEN ${was} <> ${now} BEGIN
     DELETE FROM "migrator overwritten";
     INSERT INTO "migrator ${note}" SELECT ${life.id}, ${there} FROM ${tableIn(life)} WHERE ${isIt} AND ${there} <> ${was};
   END`
}

/** A row that moves again keeps its original key. A row inserted under the old key of a moved row has no original key. */
const noteMoves = (trigger: string, life: Life): string => {
  const key = keyColumns(life)
  const [was, now] = [textOfValues(key, 'OLD.'), textOfValues(key, 'NEW.')]
  return `CREATE TEMP TRIGGER ${quote(trigger)} AFTER UPDATE OF ${key.map(quote).join(', ')}
     ON main.${quote(presentName(life))} WHEN ${was} <> ${now} BEGIN
     ${deleted(life, `(SELECT key FROM "migrator overwritten")`, 'WHERE EXISTS (SELECT 1 FROM "migrator overwritten")')}
     DELETE FROM "migrator overwritten";
     UPDATE "migrator moves" SET now = ${now} WHERE life = ${life.id} AND now = ${was};
     INSERT INTO "migrator moves" SELECT ${life.id}, ${was}, ${now} WHERE changes() = 0 AND
       (${key.map(column => `OLD.${quote(column)} IS NULL`).join(' OR ')}
        OR NOT EXISTS (SELECT 1 FROM "migrator moves" WHERE life = ${life.id} AND was = ${was}));
   END`
}
