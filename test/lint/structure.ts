import t from 'tap'
import {
  findDefaults,
  findDropped,
  findIncompatible,
  findLostParents,
  findUnreadable,
} from '../../src/lint/structure.ts'
import { type Analyze, testAnalyzer } from '../help/analyzed.ts'

const made = `CREATE TABLE p (id INTEGER PRIMARY KEY, x UNIQUE, y, z, UNIQUE (y, z)); CREATE TABLE c (p REFERENCES P (ID));
  CREATE TABLE old (p REFERENCES none (id))`

testAnalyzer(t, made, ({ before, after, kept }) => findLostParents(before, after, kept), [
  [
    'a key to the primary key, a unique one, and several columns in any order',
    ['CREATE TABLE d (a REFERENCES p, b REFERENCES p (x), c, FOREIGN KEY (b, c) REFERENCES p (z, y))'],
    [],
  ],
  [
    'a key to a table that is not there',
    ['CREATE TABLE d (a REFERENCES q (id))'],
    ['HM103: leaves the foreign key d (a) to q (id), which is no key of a table'],
  ],
  [
    'a key to columns that are no key',
    ['CREATE TABLE d (a REFERENCES p (y))'],
    ['HM103: leaves the foreign key d (a) to p (y), which is no key of a table'],
  ],
  [
    'a key to the primary key of a table that has none',
    ['CREATE TABLE q (x)', 'CREATE TABLE d (a REFERENCES q)'],
    ['HM103: leaves the foreign key d (a) to q (), which is no key of a table'],
  ],
  [
    'a key to a unique index of some rows, or by another collation than the column has',
    [
      'CREATE UNIQUE INDEX u ON p (y) WHERE z > 0',
      'CREATE UNIQUE INDEX v ON p (z COLLATE NOCASE)',
      'CREATE TABLE d (a REFERENCES p (y), b REFERENCES p (z))',
    ],
    [
      'HM103: leaves the foreign key d (a) to p (y), which is no key of a table',
      'HM103: leaves the foreign key d (b) to p (z), which is no key of a table',
    ],
  ],
  [
    'a table that goes from under it',
    ['DROP TABLE p'],
    ['HM103: leaves the foreign key c (p) to P (ID), which is no key of a table'],
  ],
  ['what was broken before is not blamed', ['CREATE TABLE d (x)'], []],
])

testAnalyzer(t, "CREATE TABLE a (x DEFAULT 'a;b')", ({ before, after, kept }) => findDefaults(before, after, kept), [
  [
    'a default with a semicolon',
    ["CREATE TABLE b (x DEFAULT 'c;d', y DEFAULT 'e')"],
    ["HM302: sets the default of b.x to 'c;d'"],
  ],
  ['in a new column', ["ALTER TABLE a ADD COLUMN y DEFAULT ';'"], ["HM302: sets the default of a.y to ';'"]],
  ['one that was there', ['ALTER TABLE a ADD COLUMN y'], []],
])

const findDroppedIn: Analyze = ({ lineages, kept, after }) => findDropped(lineages, kept, after)
testAnalyzer(t, 'CREATE TABLE a (x, y, z AS (x)); CREATE TABLE b (x)', findDroppedIn, [
  ['a dropped table', ['DROP TABLE a'], ['DS102: drops the table a']],
  [
    'a table made anew without its rows is a dropped one',
    ['DROP TABLE a', 'CREATE TABLE a (x, y)'],
    ['DS102: drops the table a'],
  ],
  ['a table that the migration made itself may go', ['CREATE TABLE c (x)', 'DROP TABLE c'], []],
  ['a renamed table is not dropped', ['ALTER TABLE a RENAME TO c'], []],
  ['a dropped column', ['ALTER TABLE a DROP COLUMN y'], ['DS103: drops the column a.y']],
  ['a computed column holds nothing', ['ALTER TABLE a DROP COLUMN z'], []],
  ['a column that the migration made itself may go', ['ALTER TABLE a ADD COLUMN w', 'ALTER TABLE a DROP COLUMN w'], []],
  [
    'a rebuild is one change: what it leaves out is dropped',
    ['CREATE TABLE n (y)', 'INSERT INTO n SELECT y FROM a', 'DROP TABLE a', 'ALTER TABLE n RENAME TO a'],
    ['DS103: drops the column a.x'],
  ],
])

const drop = 'ALTER TABLE a DROP COLUMN y'
const copied = [
  ['into another column', ['ALTER TABLE a ADD COLUMN w', 'UPDATE A SET w = upper(Y)', drop]],
  ['where it has a value', ['ALTER TABLE a ADD COLUMN w', 'UPDATE a SET w = y WHERE a.Y IS NOT NULL', drop]],
  ['into another table', ['INSERT INTO b SELECT y FROM a', drop]],
  ['into a new table', ['CREATE TABLE n AS SELECT x, Y FROM a', drop]],
  ['by a correlated UPDATE', ['UPDATE b SET x = (SELECT y FROM a WHERE a.x = b.x)', drop]],
  [
    'under the name that it got',
    ['ALTER TABLE a RENAME COLUMN y TO w', 'INSERT INTO b SELECT w FROM a', drop.replace('y', 'w')],
  ],
] as const
const notCopied = [
  ['in some rows alone', ['INSERT INTO b SELECT y FROM a WHERE x > 1', drop]],
  ['in a number of rows', ['INSERT INTO b SELECT y FROM a LIMIT 1', drop]],
  ['of some rows into a new table', ['CREATE TABLE n AS SELECT y FROM a WHERE x > 1', drop]],
  ['of another column', ['INSERT INTO b SELECT x FROM a', drop]],
  ['of another column into a new table', ['CREATE TABLE n AS SELECT x FROM a', drop]],
  ['to where it does not stay', ['CREATE TABLE n (y)', 'INSERT INTO n SELECT y FROM a', drop, 'DROP TABLE n']],
  ['into a temporary table', ['CREATE TEMP TABLE n AS SELECT y FROM a', drop]],
  ['into itself', ['UPDATE a SET y = lower(y)', drop]],
  ['afterwards', [drop, 'INSERT INTO b SELECT x FROM a']],
] as const
testAnalyzer(t, 'CREATE TABLE a (x, y); CREATE TABLE b (x)', findDroppedIn, [
  ...copied.map(([how, statements]) => [`a column that was copied ${how} may go`, statements, []] as const),
  ...notCopied.map(
    ([how, statements]) => [`a copy ${how} is none`, statements, ['DS103: drops the column a.y']] as const,
  ),
  [
    'a column that a rebuild puts into another one may go',
    ['CREATE TABLE n (x, w)', 'INSERT INTO n SELECT x, y * 1.0 FROM a', 'DROP TABLE a', 'ALTER TABLE n RENAME TO a'],
    [],
  ],
  ['a table of which all was copied may go', ['CREATE TABLE n AS SELECT * FROM a', 'DROP TABLE a'], []],
  [
    'a table of which a column was not copied may not',
    ['INSERT INTO b SELECT x FROM a', 'DROP TABLE a'],
    ['DS102: drops the table a'],
  ],
])

const madeIncompatible = `CREATE TABLE p (id INTEGER PRIMARY KEY, x);
  CREATE TABLE c (p REFERENCES p (id), q CONSTRAINT k REFERENCES p (id))`

testAnalyzer(t, madeIncompatible, ({ lineages, kept }) => findIncompatible(lineages, kept), [
  ['a renamed table', ['ALTER TABLE p RENAME TO n'], ['BC101: renames the table p to n']],
  ['a renamed column', ['ALTER TABLE p RENAME COLUMN x TO y'], ['BC102: renames the column p.x to y']],
  ['there and back is no change', ['ALTER TABLE p RENAME TO n', 'ALTER TABLE n RENAME TO p'], []],
  ['a dropped table has no other name', ['DROP TABLE c'], []],
  [
    'a foreign key that a rebuild forgot',
    [
      'CREATE TABLE n (p, q REFERENCES p (id))',
      'INSERT INTO n SELECT * FROM c',
      'DROP TABLE c',
      'ALTER TABLE n RENAME TO c',
    ],
    ['CD101: removes the foreign key c (p) to p'],
  ],
  [
    'a foreign key that leads to another table now',
    [
      'CREATE TABLE o (id INTEGER PRIMARY KEY)',
      'CREATE TABLE n (p REFERENCES o (id), q REFERENCES p (id))',
      'INSERT INTO n SELECT * FROM c',
      'DROP TABLE c',
      'ALTER TABLE n RENAME TO c',
    ],
    ['CD101: removes the foreign key c (p) to p'],
  ],
  [
    'a foreign key that goes with the table it leads to',
    [
      'DROP TABLE p',
      'CREATE TABLE n (p, q)',
      'INSERT INTO n SELECT * FROM c',
      'DROP TABLE c',
      'ALTER TABLE n RENAME TO c',
    ],
    ['CD101: removes the foreign key c (p) to p', 'CD101: removes the foreign key c (q) to p'],
  ],
  [
    'a foreign key that is taken away',
    ['ALTER TABLE c DROP CONSTRAINT k'],
    ['CD101: removes the foreign key c (q) to p'],
  ],
  [
    'a foreign key stays one under other names',
    ['ALTER TABLE p RENAME TO n', 'ALTER TABLE c RENAME COLUMN p TO r'],
    ['BC102: renames the column c.p to r', 'BC101: renames the table p to n'],
  ],
  [
    'it goes with its column, which is another finding',
    [
      'CREATE TABLE n (q REFERENCES p (id))',
      'INSERT INTO n SELECT q FROM c',
      'DROP TABLE c',
      'ALTER TABLE n RENAME TO c',
    ],
    [],
  ],
])

const madeUnreadable =
  'CREATE TABLE a (x, y); CREATE VIEW v AS SELECT x FROM a; CREATE VIEW broken AS SELECT x FROM gone'
const away = ['ALTER TABLE a RENAME TO o', 'CREATE TABLE a (x, y)', 'INSERT INTO a SELECT * FROM o', 'DROP TABLE o']

testAnalyzer(
  t,
  madeUnreadable.replace(/;[^;]*$/, ''),
  ({ before, kept, after }) => findUnreadable(before, after, kept),
  [
    [
      'a view that followed a table which was renamed away',
      away,
      ['HM104: leaves the view v, which cannot be read: no such table: main.o'],
    ],
    [
      'a view whose table is dropped',
      ['DROP TABLE a'],
      ['HM104: leaves the view v, which cannot be read: no such table: main.a'],
    ],
    [
      'a new view that never could be read',
      ['CREATE VIEW w AS SELECT 1 FROM gone'],
      ['HM104: leaves the view w, which cannot be read: no such table: main.gone'],
    ],
    ['a view that goes and comes again', ['DROP VIEW v', ...away, 'CREATE VIEW v AS SELECT x FROM a'], []],
    ['a view of a table that has another name', ['ALTER TABLE a RENAME TO o'], []],
  ],
)

testAnalyzer(t, madeUnreadable, ({ before, kept, after }) => findUnreadable(before, after, kept), [
  ['a view that was broken before is not blamed', ['CREATE TABLE b (x)'], []],
])
