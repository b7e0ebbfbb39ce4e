import type { Rule } from './rules.ts'

const online = 'with addIndexConcurrently, in a separate migration that has "export const online = true"'
const expand = 'Add the new one in this release, and remove the old one in a later release, once no hub uses it.'
const notValid =
  'Add it as NOT VALID, and run VALIDATE CONSTRAINT in a migration of a later release: that blocks no writes.'

/**
 * Rules for servers, by squawk's names (https://squawkhq.com/docs/rules), for what a statement did there. Those that lock a table
 * which was there before the migration are of the time that a hub waits; rows are not needed to see them.
 */
export const squawkRules = {
  'adding-required-field': {
    level: 'error',
    title: 'adds a NOT NULL column without a default',
    detects: 'a new column of an existing table is NOT NULL and has no default: this fails if the table has rows',
    cure: 'Give it a DEFAULT, or drop the NOT NULL.',
  },
  'adding-field-with-default': {
    level: 'warning',
    title: 'rewrites a table to add a column',
    detects:
      'a column was added and PostgreSQL rewrote the table: the default is computed for each row, or the column is STORED',
    cure: 'Add the column without a default, then set the default, then fill the existing rows with context.backfill.',
  },
  'changing-column-type': {
    level: 'warning',
    title: 'changes the type of a column',
    detects: 'a column has a different type; the message says whether PostgreSQL rewrote the table',
    cure: expand,
  },
  'rewriting-table': {
    level: 'warning',
    title: 'rewrites a table',
    detects: 'PostgreSQL rewrote the table although no column was added or changed, as CLUSTER and SET LOGGED do',
    cure: 'The table can be neither read nor written meanwhile. Leave this to a database administrator.',
  },
  'adding-not-nullable-field': {
    level: 'warning',
    title: 'makes an existing column NOT NULL',
    detects: 'a column of an existing table became NOT NULL: PostgreSQL scans the whole table while it is locked',
    cure: 'Add CHECK (... IS NOT NULL) NOT VALID, validate it in a later migration, then SET NOT NULL: that skips the scan.',
  },
  'ban-drop-not-null': {
    level: 'warning',
    title: 'removes NOT NULL from a column',
    detects: 'a column of an existing table may now be NULL',
    cure: 'Hubs that expect a value will read NULL. Change them first.',
  },
  'adding-foreign-key-constraint': {
    level: 'warning',
    title: 'adds a foreign key that is checked at once',
    detects:
      'a foreign key without NOT VALID was added to an existing table: writes to both tables wait while every row is checked',
    cure: notValid,
  },
  'constraint-missing-not-valid': {
    level: 'warning',
    title: 'adds a CHECK that is checked at once',
    detects:
      'a CHECK without NOT VALID was added to an existing table: reads and writes wait while every row is checked',
    cure: notValid,
  },
  'disallowed-unique-constraint': {
    level: 'warning',
    title: 'adds a unique constraint that builds its index at once',
    detects: 'a UNIQUE, PRIMARY KEY or EXCLUDE constraint was added to an existing table without USING INDEX',
    cure: `On a small table this is quick. On a large one, build a unique index ${online}, then ADD CONSTRAINT ... UNIQUE USING INDEX.`,
  },
  'require-concurrent-index-creation': {
    level: 'warning',
    title: 'builds an index while writes wait',
    detects: 'an index was added to an existing table, and not concurrently',
    cure: `On a small table this is quick. On a large one, build it ${online}.`,
  },
  'require-concurrent-index-deletion': {
    level: 'warning',
    title: 'drops an index while the table cannot be read',
    detects: 'an index of a table that remains was dropped, and not concurrently',
    cure: 'This is quick, but waits for every query that reads the table. If those take long, use removeIndexConcurrently, in a separate migration that has "export const online = true".',
  },
  'renaming-column': {
    level: 'warning',
    title: 'renames a column',
    detects: 'a column of an existing table has a new name; hubs that use the old name fail',
    cure: expand,
  },
  'renaming-table': {
    level: 'warning',
    title: 'renames a table',
    detects: 'an existing table has a new name; hubs that use the old name fail',
    cure: expand,
  },
  'ban-drop-column': {
    level: 'warning',
    title: 'drops a column',
    detects: 'a column of an existing table is gone; its values are lost, and hubs that use it fail',
    cure: expand,
  },
  'ban-drop-table': {
    level: 'warning',
    title: 'drops a table',
    detects: 'an existing table is gone; its rows are lost, and hubs that use it fail',
    cure: expand,
  },
  'ban-truncate-cascade': {
    level: 'error',
    title: 'empties tables without naming them',
    detects: 'TRUNCATE ... CASCADE',
    cure: 'Name each table in TRUNCATE, or DELETE with a condition.',
  },
  'prefer-bigint-over-int': {
    level: 'warning',
    title: 'adds a key that runs out at 2,147,483,647',
    detects: 'a column of a new primary key is an integer',
    cure: 'Make it BIGINT.',
  },
  'prefer-bigint-over-smallint': {
    level: 'warning',
    title: 'adds a key that runs out at 32,767',
    detects: 'a column of a new primary key is a smallint',
    cure: 'Make it BIGINT.',
  },
  'prefer-identity': {
    level: 'warning',
    title: 'adds a serial column',
    detects: 'the default of a new column is nextval() of a sequence, which needs privileges of its own',
    cure: 'Use GENERATED BY DEFAULT AS IDENTITY.',
  },
  'prefer-timestamptz': {
    level: 'warning',
    title: 'stores times without a time zone',
    detects: 'a new column is a timestamp without time zone',
    cure: 'Make it TIMESTAMPTZ.',
  },
  'prefer-text-field': {
    level: 'warning',
    title: 'limits the length of text by its type',
    detects: 'a new column is a varchar(n): raising the limit later means changing its type',
    cure: 'Make it TEXT, with a CHECK if it needs a limit.',
  },
  'ban-char-field': {
    level: 'warning',
    title: 'pads text with spaces',
    detects: 'a new column is a char(n)',
    cure: 'Make it TEXT.',
  },
} as const satisfies Readonly<Record<string, Rule>>
