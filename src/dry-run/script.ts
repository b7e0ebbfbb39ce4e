// This room is about SQLite.
import { historyTable } from '../history.ts'
import type { MigrationFile } from '../migrations/files.ts'
import { tokensOf } from '../sqlite/sql.ts'
import { formatThings } from '../text.ts'
import type { Recording } from './record.ts'

export type PlanSql = Readonly<{
  /** of this program, for the history */
  version: string
  /** the version of SQLite that it was tried with */
  sqlite: string
  database: string
  /** there is no database yet */
  isNew: boolean
  /** what prepares the history */
  history: readonly string[]
  /** tables whose foreign keys cannot be checked, when it begins and when it ends */
  unchecked: Readonly<{ before: readonly string[]; after: readonly string[] }>
  trials: readonly Readonly<{ migration: MigrationFile; recording: Recording }>[]
}>

/**
 * What `up` would do, as a script of the sqlite3 shell for whoever applies it by hand: the statements of the migrations with
 * their values, in one transaction, with their records. At the first error the shell leaves, and what was begun is rolled back;
 * without `.bail` it would go on and commit the rest. Like `up` it does not commit where rows broke a foreign key.
 */
export const planSql = ({ version, sqlite, database, isNew, history, unchecked, trials }: PlanSql): string => {
  const lines = [
    '.bail on',
    `-- ${formatThings(trials.length, 'migration')} of ${database}, as homelab-migrator ${version} applies them; tried with SQLite ${sqlite}.`,
    '-- A script of the sqlite3 shell, which ends at the first error, with 1, and then nothing has changed:',
    `--   sqlite3 ${database} < this-file`,
    '-- Afterwards "migrator up" finds nothing to apply, and writes the ready marker.',
    'PRAGMA foreign_keys = OFF;',
    'BEGIN IMMEDIATE;',
    `CREATE TEMP TABLE "foreign keys before" AS SELECT ${brokenBut(unchecked.before)} AS broken;`,
    ...history.map(terminated),
    ...trials.flatMap(({ migration, recording }) => [
      '',
      `-- ${migration.name}`,
      ...recording.steps.filter(({ error }) => error === null).map(({ sql }) => terminated(sql)),
      recordOf(migration, version),
    ]),
    '',
    '-- An error here: rows break a foreign key that did not before.',
    'CREATE TEMP TABLE "foreign keys after" (more INTEGER CHECK (more <= 0));',
    `INSERT INTO "foreign keys after" SELECT ${brokenBut(unchecked.after)} - (SELECT broken FROM "foreign keys before");`,
    'COMMIT;',
    'DROP TABLE temp."foreign keys before";',
    'DROP TABLE temp."foreign keys after";',
    ...(isNew ? ['PRAGMA journal_mode = WAL;'] : []),
    'PRAGMA foreign_keys = ON;',
  ]
  return `${lines.join('\n')}\n`
}

/** An SQL expression for the number of rows that break a foreign key; as in `up` a table that cannot be checked counts as one. */
const brokenBut = (unchecked: readonly string[]): string => {
  const names = unchecked.map(name => `'${name.replaceAll("'", "''")}'`).join(', ')
  const where = `t.type = 'table' AND t.name NOT IN (${names})`
  return `${unchecked.length} + (SELECT count(*) FROM sqlite_schema AS t, pragma_foreign_key_check(t.name) WHERE ${where})`
}

/** How long it takes by hand nobody has measured. */
const recordOf = ({ name, checksum }: MigrationFile, version: string): string => {
  const values = `'${name}', '${checksum}', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), NULL, '${version}'`
  return `INSERT INTO ${historyTable} (name, checksum, applied_at, duration_ms, migrator) VALUES (${values});`
}

/** A statement with one semicolon behind its last word, which a comment there would swallow. */
export const terminated = (sql: string): string => {
  const last = tokensOf(sql).findLast(({ text }) => text !== ';')
  return `${sql.slice(0, last?.end).trimStart()};`
}
