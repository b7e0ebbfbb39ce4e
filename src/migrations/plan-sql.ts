import { tokensOf } from '../database/tokens.ts'
import { formatThings } from '../for-people.ts'
import { historyTable } from './history.ts'
import type { KnownMigration } from './known.ts'
import type { Recording } from './recorder.ts'

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
  trials: readonly Readonly<{ migration: KnownMigration; recording: Recording }>[]
}>

/**
 * What `up` would do, as a script for whoever applies it by hand: the statements of the migrations with their values, in one
 * transaction, with their records. Like `up` it does not commit where rows broke a foreign key.
 */
export const planSql = ({ version, sqlite, database, isNew, history, trials }: PlanSql): string => {
  const lines = [
    `-- ${formatThings(trials.length, 'migration')} of ${database}, as homelab-migrator ${version} applies them; tried with SQLite ${sqlite}.`,
    '-- At the first error it has to end, and then nothing has changed:',
    `--   sqlite3 -bail ${database} < this-file`,
    '-- Afterwards "migrator up" finds nothing to apply, and writes the ready marker.',
    'PRAGMA foreign_keys = OFF;',
    'BEGIN IMMEDIATE;',
    'CREATE TEMP TABLE "foreign keys before" AS SELECT count(*) AS broken FROM pragma_foreign_key_check;',
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
    'INSERT INTO "foreign keys after" SELECT count(*) - (SELECT broken FROM "foreign keys before") FROM pragma_foreign_key_check;',
    'COMMIT;',
    'DROP TABLE temp."foreign keys before";',
    'DROP TABLE temp."foreign keys after";',
    ...(isNew ? ['PRAGMA journal_mode = WAL;'] : []),
    'PRAGMA foreign_keys = ON;',
  ]
  return `${lines.join('\n')}\n`
}

/** How long it takes by hand nobody has measured. */
const recordOf = ({ name, checksum }: KnownMigration, version: string): string => {
  const values = `'${name}', '${checksum}', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), NULL, '${version}'`
  return `INSERT INTO ${historyTable} (name, checksum, applied_at, duration_ms, migrator) VALUES (${values});`
}

/** A statement with one semicolon behind its last word, which a comment there would swallow. */
export const terminated = (sql: string): string => {
  const last = tokensOf(sql).findLast(({ text }) => text !== ';')
  return `${sql.slice(0, last?.end).trimStart()};`
}
