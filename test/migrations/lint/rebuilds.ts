import t from 'tap'
import { findRebuilds } from '../../../src/migrations/lint/rebuilds.ts'
import { testAnalyzer } from '../../help/analyzed.ts'

const made = `CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, x TEXT COLLATE NOCASE CHECK (x <> 'check'), y, z AS (y), UNIQUE (y, x));
  CREATE INDEX i ON a (y); CREATE INDEX e ON a (lower(x)); CREATE TRIGGER g AFTER INSERT ON a BEGIN SELECT 1; END;
  CREATE TABLE c (a REFERENCES a (id)); CREATE TABLE plain (x)`
const rebuild = (columns: string, from: string) => [
  `CREATE TABLE n (${columns})`,
  `INSERT INTO n SELECT ${from} FROM a`,
  'DROP TABLE a',
  'ALTER TABLE n RENAME TO a',
]
const whole =
  "id INTEGER PRIMARY KEY AUTOINCREMENT, x TEXT COLLATE NOCASE CHECK (x <> 'check'), y, z AS (y), UNIQUE (y, x)"
const around = [
  'CREATE INDEX i ON a (y)',
  'CREATE INDEX e ON a (lower(x))',
  'CREATE TRIGGER g AFTER INSERT ON a BEGIN SELECT 1; END',
]

testAnalyzer(t, made, ({ fates, kept, after }) => findRebuilds(fates, kept, after), [
  [
    'all that a raw rebuild loses is named',
    rebuild('id INTEGER PRIMARY KEY, x TEXT, y, z', 'id, x, y, z'),
    [
      "HM101: rebuilds a and loses the index e, the index i, UNIQUE (y, x), the trigger g, AUTOINCREMENT, collation NOCASE of column a.x, computed virtual y of column a.z, CHECK (x <> 'check')",
    ],
  ],
  ['a rebuild with all its steps', [...rebuild(whole, 'id, x, y'), ...around], []],
  [
    'what stands on the new one under another name is kept',
    [...rebuild(whole, 'id, x, y'), 'CREATE INDEX other ON a (y)', ...around.slice(1)],
    [],
  ],
  [
    'what was dropped by a statement of its own is meant',
    ['DROP INDEX i', 'DROP TRIGGER g', ...rebuild(whole, 'id, x, y'), ...around.slice(1, 2)],
    [],
  ],
  [
    'an index goes with its column, which is another finding',
    [
      ...rebuild("id INTEGER PRIMARY KEY AUTOINCREMENT, x TEXT COLLATE NOCASE CHECK (x <> 'check')", 'id, x'),
      ...around.slice(1),
    ],
    [],
  ],
  ['a change by ALTER TABLE is no rebuild', ['ALTER TABLE a ADD COLUMN w', 'ALTER TABLE plain RENAME TO other'], []],
  [
    'a table that others refer to, renamed away',
    [
      'ALTER TABLE a RENAME TO o',
      `CREATE TABLE a (${whole})`,
      'INSERT INTO a SELECT id, x, y FROM o',
      'DROP TABLE o',
      ...around,
    ],
    ['HM102: renames a away to o, and the foreign keys of c follow it'],
  ],
  [
    'a table that nobody refers to may be renamed away',
    ['ALTER TABLE plain RENAME TO o', 'CREATE TABLE plain (x)', 'INSERT INTO plain SELECT x FROM o', 'DROP TABLE o'],
    [],
  ],
  ['a table that is only renamed', ['ALTER TABLE a RENAME TO o'], []],
  [
    'foreign keys that do not follow',
    [
      'PRAGMA legacy_alter_table = ON',
      'ALTER TABLE a RENAME TO o',
      `CREATE TABLE a (${whole})`,
      'INSERT INTO a SELECT id, x, y FROM o',
      'DROP TABLE o',
      ...around,
    ],
    [],
  ],
])
