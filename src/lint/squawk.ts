import type { Rule } from './rules.ts'

const online = 'by addIndexConcurrently in a migration of its own, with "export const online = true"'
const expand = 'Expand first, in one release, and contract in a later one, when no hub uses the old any more.'
const notValid =
  'Add it NOT VALID, and VALIDATE it in the next migration of a later release, which locks no writer out.'

/**
 * Rules for servers, by squawk's names (https://squawkhq.com/docs/rules), for what a statement did there. Those that lock a table
 * which was there before the migration are of the time that a hub waits; rows are not needed to see them.
 */
export const squawkRules = {
  'adding-required-field': {
    level: 'error',
    title: 'adds a column that no row of the table can have',
    detects: 'a new column of a table that was there is NOT NULL and has no default: it fails where there are rows',
    cure: 'Give it a DEFAULT, or leave NOT NULL out.',
  },
  'adding-field-with-default': {
    level: 'warning',
    title: 'writes a table anew to add a column',
    detects: 'a column came and the table has another file: its default is computed for each row, or it is STORED',
    cure: 'Add it without, set the default, then fill the old rows by context.backfill.',
  },
  'changing-column-type': {
    level: 'warning',
    title: 'changes the type of a column',
    detects: 'a column has another type; the message says whether the table was written anew for it',
    cure: expand,
  },
  'rewriting-table': {
    level: 'warning',
    title: 'writes a table anew',
    detects: 'the table has another file though no column came or changed, as by CLUSTER or SET LOGGED',
    cure: 'Nobody reads or writes the table meanwhile. Leave it to its administrator.',
  },
  'adding-not-nullable-field': {
    level: 'warning',
    title: 'sets a column NOT NULL',
    detects: 'a column of a table that was there became NOT NULL, which reads the whole table under a lock',
    cure: 'Add CHECK (... IS NOT NULL) NOT VALID, validate it later, then set NOT NULL, which believes it.',
  },
  'ban-drop-not-null': {
    level: 'warning',
    title: 'takes NOT NULL away',
    detects: 'a column of a table that was there may be NULL now',
    cure: 'A hub that knows the column as always there meets NULL. Change the hub first.',
  },
  'adding-foreign-key-constraint': {
    level: 'warning',
    title: 'adds a foreign key and checks all rows at once',
    detects: 'a foreign key came to a table that was there, and it is not NOT VALID: writers of both tables wait',
    cure: notValid,
  },
  'constraint-missing-not-valid': {
    level: 'warning',
    title: 'adds a CHECK and checks all rows at once',
    detects: 'a CHECK came to a table that was there, and it is not NOT VALID',
    cure: notValid,
  },
  'disallowed-unique-constraint': {
    level: 'warning',
    title: 'adds a unique constraint and builds its index at once',
    detects: 'a UNIQUE, PRIMARY KEY or EXCLUDE came to a table that was there, and no index became it',
    cure: `It is short where the table is small. Otherwise build a unique index ${online}, and let it become the constraint: ADD CONSTRAINT ... UNIQUE USING INDEX.`,
  },
  'require-concurrent-index-creation': {
    level: 'warning',
    title: 'builds an index while no writer may write',
    detects: 'an index came to a table that was there, and the migration is not online',
    cure: `It is short where the table is small. Otherwise build it ${online}.`,
  },
  'require-concurrent-index-deletion': {
    level: 'warning',
    title: 'drops an index while nobody may read the table',
    detects: 'an index went and its table stayed',
    cure: 'It is short, but waits for every reader. Where reads are long, drop it by removeIndexConcurrently in a migration of its own, with "export const online = true".',
  },
  'renaming-column': {
    level: 'warning',
    title: 'renames a column',
    detects: 'a column of a table that was there has another name; a hub that knows the old one fails',
    cure: expand,
  },
  'renaming-table': {
    level: 'warning',
    title: 'renames a table',
    detects: 'a table has another name; a hub that knows the old one fails',
    cure: expand,
  },
  'ban-drop-column': {
    level: 'warning',
    title: 'drops a column',
    detects: 'a column went from a table that was there; its values are lost, and a hub that knows it fails',
    cure: expand,
  },
  'ban-drop-table': {
    level: 'warning',
    title: 'drops a table',
    detects: 'a table that was there is gone; its rows are lost, and a hub that knows it fails',
    cure: expand,
  },
  'ban-truncate-cascade': {
    level: 'error',
    title: 'empties tables that it does not name',
    detects: 'TRUNCATE ... CASCADE',
    cure: 'Name each table, or delete by a condition.',
  },
  'prefer-bigint-over-int': {
    level: 'warning',
    title: 'makes a key that runs out at 2,147,483,647',
    detects: 'a column of a new primary key is an integer',
    cure: 'Make it BIGINT.',
  },
  'prefer-bigint-over-smallint': {
    level: 'warning',
    title: 'makes a key that runs out at 32,767',
    detects: 'a column of a new primary key is a smallint',
    cure: 'Make it BIGINT.',
  },
  'prefer-identity': {
    level: 'warning',
    title: 'numbers a column by serial',
    detects: 'the default of a new column is the next value of a sequence, which needs rights of its own',
    cure: 'Use GENERATED BY DEFAULT AS IDENTITY.',
  },
  'prefer-timestamptz': {
    level: 'warning',
    title: 'stores times without their zone',
    detects: 'a new column is a timestamp without time zone',
    cure: 'Make it TIMESTAMPTZ.',
  },
  'prefer-text-field': {
    level: 'warning',
    title: 'limits the length of a text by its type',
    detects: 'a new column is a varchar(n), whose limit only a change of its type raises',
    cure: 'Make it TEXT, with a CHECK where it needs a limit.',
  },
  'ban-char-field': {
    level: 'warning',
    title: 'fills texts up with spaces',
    detects: 'a new column is a char(n)',
    cure: 'Make it TEXT.',
  },
} as const satisfies Readonly<Record<string, Rule>>
