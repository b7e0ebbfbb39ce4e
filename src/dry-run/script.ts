// This room is about SQLite.
import { historyTable } from '../history.ts'
import type { MigrationFile } from '../migrations/files.ts'
import { literal, tokensOf } from '../sqlite/sql.ts'
import { formatThings } from '../text.ts'
import type { Recording } from './record.ts'

type PlanSql = Readonly<{
  /** of this program, for the history records */
  version: string
  /** the SQLite version it was tried with */
  sqlite: string
  database: string
  /** true if there is no database yet */
  isNew: boolean
  /** the statements that prepare the history */
  history: readonly string[]
  /** tables whose foreign keys cannot be checked, at the start and at the end */
  unchecked: Readonly<{ before: readonly string[]; after: readonly string[] }>
  trials: readonly Readonly<{ migration: MigrationFile; recording: Recording }>[]
}>

/**
 * What `up` would do, as a script for the sqlite3 shell: the migrations' statements with their values and their history records,
 * in one transaction. `.bail` ends the shell at the first error, which rolls back; without it the shell would commit the rest.
 * Like `up`, it does not commit if rows broke a foreign key.
 */
export const planSql = ({ version, sqlite, database, isNew, history, unchecked, trials }: PlanSql): string => {
  const lines = [
    '.bail on',
    `-- ${formatThings(trials.length, 'migration')} of ${database}, as homelab-migrator ${version} applies them; tried with SQLite ${sqlite}.`,
    '-- A script for the sqlite3 shell. It ends at the first error with exit code 1, and then nothing has changed:',
    `--   sqlite3 ${database} < this-file`,
    '-- Afterwards `migrator up` finds nothing to apply, and writes the ready marker.',
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
    '-- An error here means that rows break a foreign key which they did not break before.',
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

/** An SQL expression that counts rows that break a foreign key; as in `up`, a table that cannot be checked counts as one. */
const brokenBut = (unchecked: readonly string[]): string => {
  const names = unchecked.map(literal).join(', ')
  const where = `t.type = 'table' AND t.name NOT IN (${names})`
  return `${unchecked.length} + (SELECT count(*) FROM sqlite_schema AS t, pragma_foreign_key_check(t.name) WHERE ${where})`
}

/** duration_ms is NULL: a script cannot measure it. */
const recordOf = ({ name, checksum }: MigrationFile, version: string): string => {
  const values = `'${name}', '${checksum}', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), NULL, '${version}'`
  return `INSERT INTO ${historyTable} (name, checksum, applied_at, duration_ms, migrator) VALUES (${values});`
}

/** A statement with one semicolon right after its last token, since a trailing comment would swallow it. */
export const terminated = (sql: string): string => {
  const last = tokensOf(sql).findLast(({ text }) => text !== ';')
  return `${sql.slice(0, last?.end).trimStart()};`
}
