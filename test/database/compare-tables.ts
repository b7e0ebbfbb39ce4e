import t from 'tap'
import { inOneLine } from '../../src/database/compare-tables.ts'
import { compareSql } from '../help/compare.ts'

for (const [title, expected, found] of [
  ['the name of a CHECK', 'CREATE TABLE a (x CHECK (x > 0))', 'CREATE TABLE a (x, CONSTRAINT c CHECK (X>0))'],
  [
    'the columns of a parent that are its key anyway',
    'CREATE TABLE p (k PRIMARY KEY); CREATE TABLE a (x REFERENCES p)',
    'CREATE TABLE p (k PRIMARY KEY); CREATE TABLE a (x, FOREIGN KEY (x) REFERENCES P (K) ON DELETE NO ACTION)',
  ],
  ['the case of a virtual table', 'CREATE VIRTUAL TABLE a USING fts5(x)', 'create virtual table a using FTS5( x )'],
] as const) {
  t.test(`${title} is no difference`, async t => {
    t.strictSame(compareSql(expected, found), [])
    t.strictSame(compareSql(found, expected), [])
  })
}

const parent = 'CREATE TABLE p (k PRIMARY KEY, l UNIQUE);'
for (const [title, expected, found, ...findings] of [
  [
    'WITHOUT ROWID',
    'CREATE TABLE a (x NOT NULL PRIMARY KEY)',
    'CREATE TABLE a (x PRIMARY KEY) WITHOUT ROWID',
    'table a WITHOUT ROWID: no -> yes',
  ],
  ['STRICT', 'CREATE TABLE a (x INT)', 'CREATE TABLE a (x INT) STRICT', 'table a STRICT: no -> yes'],
  ['a missing CHECK', 'CREATE TABLE a (x CHECK (x > 0))', 'CREATE TABLE a (x)', 'table a CHECK: x > 0 -> nothing'],
  ['an additional CHECK', 'CREATE TABLE a (x)', 'CREATE TABLE a (x CHECK (x > 0))', 'table a CHECK: nothing -> x > 0'],
  [
    'ON CONFLICT',
    'CREATE TABLE a (x NOT NULL)',
    'CREATE TABLE a (x NOT NULL ON CONFLICT IGNORE)',
    'table a ON CONFLICT: nothing -> x NOT NULL ON CONFLICT IGNORE',
  ],
  [
    'a missing foreign key',
    `${parent} CREATE TABLE a (x REFERENCES p)`,
    `${parent} CREATE TABLE a (x)`,
    'foreign key a (x) to p (k) missing: ON DELETE NO ACTION, ON UPDATE NO ACTION, checked at each statement -> nothing',
  ],
  [
    'a foreign key to another column',
    `${parent} CREATE TABLE a (x REFERENCES p (k))`,
    `${parent} CREATE TABLE a (x REFERENCES p (l) ON DELETE SET NULL)`,
    'foreign key a (x) to p (k) missing: ON DELETE NO ACTION, ON UPDATE NO ACTION, checked at each statement -> nothing',
    'foreign key a (x) to p (l) extra: nothing -> ON DELETE SET NULL, ON UPDATE NO ACTION, checked at each statement',
  ],
  [
    'another virtual table',
    'CREATE VIRTUAL TABLE a USING fts5(x)',
    'CREATE VIRTUAL TABLE a USING fts5(y)',
    'table a definition: CREATE VIRTUAL TABLE a USING fts5(x) -> CREATE VIRTUAL TABLE a USING fts5(y)',
  ],
  [
    'a table that is not virtual',
    'CREATE VIRTUAL TABLE a USING fts5(x)',
    'CREATE TABLE a (x)',
    'table a definition: CREATE VIRTUAL TABLE a USING fts5(x) -> CREATE TABLE a (x)',
  ],
] as const) {
  t.test(`${title} is a difference, in an adopted database too`, async t => {
    for (const adopted of [false, true])
      t.strictSame(
        compareSql(expected, found, adopted),
        findings.map(finding => `difference ${finding}`),
      )
  })
}

for (const [title, expected, found, ...findings] of [
  [
    'a missing AUTOINCREMENT',
    'CREATE TABLE a (x INTEGER PRIMARY KEY AUTOINCREMENT)',
    'CREATE TABLE a (x INTEGER PRIMARY KEY)',
    'table a AUTOINCREMENT: yes -> no',
  ],
  [
    'what else a foreign key does',
    `${parent} CREATE TABLE a (x REFERENCES p)`,
    `${parent} CREATE TABLE a (x REFERENCES p ON DELETE CASCADE ON UPDATE SET NULL DEFERRABLE INITIALLY DEFERRED)`,
    'foreign key a (x) to p (k) ON DELETE: NO ACTION -> CASCADE',
    'foreign key a (x) to p (k) ON UPDATE: NO ACTION -> SET NULL',
    'foreign key a (x) to p (k) checked at: each statement -> COMMIT',
  ],
] as const) {
  t.test(`${title} is tolerated in an adopted database, and a difference in another`, async t => {
    for (const adopted of [true, false])
      t.strictSame(
        compareSql(expected, found, adopted),
        findings.map(finding => `${adopted ? 'tolerated' : 'difference'} ${finding}`),
      )
  })
}

t.test('in one line there are no breaks and comments, and strings stay', async t => {
  t.equal(inOneLine("CREATE VIEW v AS -- so\n  SELECT 'a  b'"), "CREATE VIEW v AS SELECT 'a  b'")
})
