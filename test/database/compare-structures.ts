import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { compareSql } from '../help/compare.ts'
import { root } from '../help/program.ts'

const schema = readFileSync(join(root, 'migrations/schema.sql'), 'utf8')
const trigger = (name: string, table: string, said = '1') =>
  `CREATE TRIGGER ${name} AFTER INSERT ON ${table} BEGIN SELECT ${said}; END;`

t.test('a structure is as itself', async t => t.strictSame(compareSql(schema, schema), []))

for (const [title, expected, found] of [
  ['order', 'CREATE TABLE a (x); CREATE TABLE b (y)', 'CREATE TABLE b (y); CREATE TABLE a (x)'],
  ['rows', 'CREATE TABLE a (x)', 'CREATE TABLE a (x); INSERT INTO a VALUES (1)'],
  [
    'space, comments and quotes in views and triggers',
    `CREATE TABLE a (x); CREATE VIEW v AS SELECT x FROM a; ${trigger('r', 'a')}`,
    `CREATE TABLE a (x); CREATE VIEW "v" AS /* so */ select "x"\nfrom a; ${trigger('"r"', '"a"')}`,
  ],
] as const) {
  t.test(`${title} is no difference`, async t => t.strictSame(compareSql(expected, found), []))
}

for (const [title, expected, found, finding] of [
  ['a missing table', 'CREATE TABLE a (x, y)', '', 'table a missing: x, y -> nothing'],
  ['a missing virtual table', 'CREATE VIRTUAL TABLE a USING fts5(x)', '', 'table a missing: virtual -> nothing'],
  ['a missing view', 'CREATE VIEW v AS SELECT 1', '', 'view v missing: CREATE VIEW v AS SELECT 1 -> nothing'],
  [
    'another view',
    'CREATE VIEW v AS SELECT 1',
    'CREATE VIEW v AS SELECT 2',
    'view v definition: CREATE VIEW v AS SELECT 1 -> CREATE VIEW v AS SELECT 2',
  ],
  [
    'a view that the migrations broke, as they always do,',
    'CREATE VIEW v AS SELECT x FROM gone',
    'CREATE VIEW v AS SELECT x FROM gone',
    'view v cannot be read: nothing -> no such table: main.gone',
  ],
  [
    'a missing trigger',
    `CREATE TABLE a (x); ${trigger('r', 'a')}`,
    'CREATE TABLE a (x)',
    'trigger r missing: CREATE TRIGGER r AFTER INSERT ON a BEGIN SELECT 1; END -> nothing',
  ],
  [
    'an additional trigger on an expected table',
    'CREATE TABLE a (x)',
    `CREATE TABLE a (x); ${trigger('r', 'a')}`,
    'trigger r extra: nothing -> CREATE TRIGGER r AFTER INSERT ON a BEGIN SELECT 1; END',
  ],
  [
    'a string in a trigger in other letters',
    `CREATE TABLE a (x); ${trigger('r', 'a', "'b'")}`,
    `CREATE TABLE a (x); ${trigger('r', 'a', "'B'")}`,
    "trigger r definition: CREATE TRIGGER r AFTER INSERT ON a BEGIN SELECT 'b'; END -> CREATE TRIGGER r AFTER INSERT ON a BEGIN SELECT 'B'; END",
  ],
] as const) {
  t.test(`${title} is a difference, in an adopted database too`, async t => {
    for (const adopted of [false, true]) t.strictSame(compareSql(expected, found, adopted), [`difference ${finding}`])
  })
}

for (const [title, found, ...findings] of [
  ['table', 'CREATE TABLE a (x)', 'table a extra: nothing -> x'],
  ['view', 'CREATE VIEW v AS SELECT 1', 'view v extra: nothing -> CREATE VIEW v AS SELECT 1'],
  [
    'view that cannot be read',
    'CREATE VIEW v AS SELECT 1 FROM gone',
    'view v extra: nothing -> CREATE VIEW v AS SELECT 1 FROM gone',
    'view v cannot be read: nothing -> no such table: main.gone',
  ],
  [
    'table with a trigger',
    `CREATE TABLE a (x); ${trigger('r', 'a')}`,
    'table a extra: nothing -> x',
    'trigger r extra: nothing -> CREATE TRIGGER r AFTER INSERT ON a BEGIN SELECT 1; END',
  ],
] as const) {
  t.test(`an additional ${title} is information`, async t => {
    t.strictSame(
      compareSql('', found),
      findings.map(finding => `information ${finding}`),
    )
  })
}

t.test('an additional trigger on an expected view changes what a write does', async t => {
  const view = 'CREATE TABLE a (x); CREATE VIEW v AS SELECT x FROM a'
  const found = `${view}; CREATE TRIGGER r INSTEAD OF INSERT ON v BEGIN SELECT 1; END`
  t.match(compareSql(view, found), [/^difference trigger r extra/])
})
