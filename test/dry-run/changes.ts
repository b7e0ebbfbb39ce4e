import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { differenceLines, differences } from '../../src/dry-run/changes.ts'
import { readSchema } from '../../src/sqlite/schema/read.ts'

t.test('each difference has a mark, what it is, its name and what is to be said', async t => {
  t.strictSame(
    differenceLines([
      { change: 'added', kind: 'column', name: 'servers.room', detail: 'TEXT' },
      { change: 'removed', kind: 'index', name: 'i', detail: 'on servers (room)' },
      { change: 'changed', kind: 'view', name: 'v', detail: 'its text' },
    ]),
    [
      '  + column  servers.room  TEXT',
      '  - index   i             on servers (room)',
      '  ~ view    v             its text',
    ],
  )
  t.strictSame(differenceLines([]), [])
})

const before = `CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT NOT NULL DEFAULT 'd', y REFERENCES a (id));
  CREATE INDEX i ON a (x); CREATE VIEW v AS SELECT x FROM a; CREATE TRIGGER g AFTER INSERT ON a BEGIN SELECT 1; END`

/** What statements change, in words. */
const change = (t: Pick<Test, 'teardown'>, sql: string) => {
  const connection = new Database(':memory:')
  t.teardown(() => connection.close())
  connection.pragma('foreign_keys = OFF')
  connection.exec(before)
  const old = readSchema(connection)
  connection.exec(sql)
  return differences(old, readSchema(connection)).map(found => Object.values(found).join(' | '))
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
  ['ALTER TABLE a ADD COLUMN z AS (x)', ['added | column | a.z | no type AS (x) VIRTUAL']],
  ['ALTER TABLE a DROP COLUMN y', ['removed | column | a.y | no type', 'removed | foreign key | a (y) | to a (id)']],
  [
    'ALTER TABLE a ALTER COLUMN x DROP NOT NULL',
    ["changed | column | a.x | TEXT NOT NULL DEFAULT 'd' -> TEXT DEFAULT 'd'"],
  ],
  ['DROP INDEX i; CREATE UNIQUE INDEX i ON a (x)', ['changed | index | i | on a (x) -> UNIQUE on a (x)']],
  ['DROP INDEX i; CREATE INDEX i ON a (x) WHERE id > 1', ['changed | index | i | on a (x) -> on a (x) WHERE id > 1']],
  [
    'ALTER TABLE a ADD COLUMN z; ALTER TABLE a DROP COLUMN y; ALTER TABLE a ADD COLUMN y REFERENCES a (id) ON DELETE CASCADE',
    ['added | column | a.z | no type', 'changed | foreign key | a (y) | to a (id) -> to a (id) ON DELETE CASCADE'],
  ],
  [
    `DROP TRIGGER g; DROP VIEW v; DROP INDEX i; DROP TABLE a; CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT,
      x TEXT NOT NULL ON CONFLICT IGNORE DEFAULT 'd' COLLATE NOCASE,
      y ANY REFERENCES a (id) ON UPDATE SET NULL DEFERRABLE INITIALLY DEFERRED) STRICT`,
    [
      'changed | table | a | plain -> AUTOINCREMENT, STRICT, x NOT NULL ON CONFLICT IGNORE',
      "changed | column | a.x | TEXT NOT NULL DEFAULT 'd' -> TEXT NOT NULL DEFAULT 'd' COLLATE NOCASE",
      'changed | column | a.y | no type -> ANY',
      'changed | foreign key | a (y) | to a (id) -> to a (id) ON UPDATE SET NULL DEFERRED',
      'removed | index | i | on a (x)',
      'removed | trigger | g | on a',
      'removed | view | v | ',
    ],
  ],
  [
    `DROP TABLE a; CREATE TABLE a (x TEXT NOT NULL DEFAULT 'd', id INTEGER PRIMARY KEY, y REFERENCES a (id))`,
    ['changed | table | a | its text', 'removed | index | i | on a (x)', 'removed | trigger | g | on a'],
  ],
  ['DROP INDEX i; CREATE INDEX "i"   on `A` ( [x] ) -- the same', []],
  ["DROP VIEW v; CREATE VIEW v AS SELECT 'x' FROM a", ['changed | view | v | its text']],
  ['ALTER TABLE a ADD CONSTRAINT k CHECK (id > 0)', ['changed | table | a | plain -> CHECK (id > 0)']],
  [
    'DROP TABLE a; CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT, UNIQUE (x, id)) WITHOUT ROWID',
    [
      'changed | table | a | plain -> WITHOUT ROWID',
      'changed | column | a.id | INTEGER PRIMARY KEY -> INTEGER PRIMARY KEY NOT NULL',
      'removed | column | a.y | no type',
      'removed | foreign key | a (y) | to a (id)',
      "changed | column | a.x | TEXT NOT NULL DEFAULT 'd' -> TEXT",
      'removed | index | i | on a (x)',
      'removed | trigger | g | on a',
      'added | index | a (x, id) | UNIQUE on a (x, id)',
    ],
  ],
] as const) {
  t.test(`${sql}: ${expected.length} differences`, async t => {
    t.strictSame(change(t, sql).toSorted(), [...expected].toSorted())
  })
}
