import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { readStructure } from '../../src/database/structure.ts'
import { differences } from '../../src/migrations/differences.ts'

const before = `CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT NOT NULL DEFAULT 'd', y REFERENCES a (id));
  CREATE INDEX i ON a (x); CREATE VIEW v AS SELECT x FROM a; CREATE TRIGGER g AFTER INSERT ON a BEGIN SELECT 1; END`

/** What statements change, in words. */
const change = (t: Pick<Test, 'teardown'>, sql: string) => {
  const connection = new Database(':memory:')
  t.teardown(() => connection.close())
  connection.pragma('foreign_keys = OFF')
  connection.exec(before)
  const old = readStructure(connection)
  connection.exec(sql)
  return differences(old, readStructure(connection)).map(found => Object.values(found).join(' | '))
}

for (const [sql, expected] of [
  ['SELECT 1', []],
  ['CREATE TABLE b (x); CREATE TABLE c (x, y)', ['added | table | b | 1 column', 'added | table | c | 2 columns']],
  [
    'DROP VIEW v; DROP TABLE a',
    [
      'removed | table | a | 3 columns',
      'removed | index | i | on a (x)',
      'removed | trigger | g | on a',
      'removed | view | v | ',
    ],
  ],
  ['ALTER TABLE a ADD COLUMN z AS (x)', ['added | column | a.z | GENERATED VIRTUAL']],
  ['ALTER TABLE a DROP COLUMN y', ['removed | column | a.y | ', 'removed | foreign key | a (y) | to a (id)']],
  [
    'ALTER TABLE a ALTER COLUMN x DROP NOT NULL',
    ["changed | column | a.x | TEXT NOT NULL DEFAULT 'd' -> TEXT DEFAULT 'd'"],
  ],
  ['DROP INDEX i; CREATE UNIQUE INDEX i ON a (x)', ['changed | index | i | on a (x) -> unique on a (x)']],
  ['DROP INDEX i; CREATE INDEX i ON a (x) WHERE id > 1', ['changed | index | i | its text']],
  ['DROP INDEX i; CREATE INDEX "i"   on `A` ( [x] ) -- the same', []],
  ["DROP VIEW v; CREATE VIEW v AS SELECT 'x' FROM a", ['changed | view | v | its text']],
  ['ALTER TABLE a ADD CONSTRAINT k CHECK (id > 0)', ['changed | table | a | its text']],
  [
    'DROP TABLE a; CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT, UNIQUE (x, id))',
    [
      'removed | column | a.y | ',
      'removed | foreign key | a (y) | to a (id)',
      "changed | column | a.x | TEXT NOT NULL DEFAULT 'd' -> TEXT",
      'removed | index | i | on a (x)',
      'removed | trigger | g | on a',
      'added | index | a (x, id) | unique on a (x, id)',
    ],
  ],
] as const) {
  t.test(`${sql}: ${expected.length} differences`, async t => {
    t.strictSame(change(t, sql).toSorted(), [...expected].toSorted())
  })
}
