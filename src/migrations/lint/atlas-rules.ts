import type { Rule } from './rule.ts'

/**
 * Codes of Atlas (https://atlasgo.io/lint/analyzers) that fit SQLite; they mean here what they mean there. DS101 is about schemas,
 * which SQLite has not.
 */
export const atlasRules = {
  DS102: {
    level: 'error',
    does: 'drops a table',
    seen: 'a table that was there before is gone, and no other took its place and its rows',
    cure: 'Keep the table until nobody needs its rows, or copy them first.',
  },
  DS103: {
    level: 'error',
    does: 'drops a column',
    seen: 'a column that was there before is gone, by ALTER TABLE or by a rebuild; one that is computed loses nothing',
    cure: 'Keep the column until nobody needs its values, or copy them first.',
  },
  MF101: {
    level: 'warning',
    does: 'adds a unique index or key on columns that are there',
    seen: 'the columns were not unique before, or only in some rows, or by a collation for which fewer values are alike; it fails where two rows are alike',
    cure: 'Merge or delete the rows that are alike before, in the same migration.',
  },
  MF102: {
    level: 'warning',
    does: 'makes an index unique',
    seen: 'an index of that name was there and was not unique; it fails where two rows are alike',
    cure: 'Merge or delete the rows that are alike before, in the same migration.',
  },
  MF103: {
    level: 'error',
    does: 'adds a NOT NULL column without a default',
    seen: 'the new column has no default; it fails where the table has rows, though not on an empty one',
    cure: 'Give it a default, or add it as nullable, fill it, and make it NOT NULL then.',
  },
  MF104: {
    level: 'warning',
    does: 'makes a column with a default NOT NULL',
    seen: 'the column allowed NULL before, and no UPDATE of all rows, or of all in which it is NULL, came first, nor does a rebuild fill it as it copies; it fails where a row has none',
    cure: 'Fill the rows before: UPDATE ... SET column = ... WHERE column IS NULL.',
  },
  LT101: {
    level: 'warning',
    does: 'makes a column without a default NOT NULL',
    seen: 'as MF104; a hub that does not write the column fails from then on, too',
    cure: 'Fill the rows before, and see that the hub writes the column.',
  },
  BC101: {
    level: 'warning',
    does: 'renames a table',
    seen: 'a table has another name; a hub that knows the old one fails',
    cure: 'Change the hub in the same release, and say so.',
  },
  BC102: {
    level: 'warning',
    does: 'renames a column',
    seen: 'a column has another name; a hub that knows the old one fails',
    cure: 'Change the hub in the same release, and say so.',
  },
  CD101: {
    level: 'warning',
    does: 'takes a foreign key away',
    seen: 'its columns are still there and it is not, or leads to another table, by ALTER TABLE or by a rebuild that forgot it',
    cure: 'Keep it. In a rebuild it stands in the new CREATE TABLE, or context.rebuildTable gets it from there.',
  },
} as const satisfies Readonly<Record<string, Rule>>
