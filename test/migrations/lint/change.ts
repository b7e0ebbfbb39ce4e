import t from 'tap'
import { changeOf, fills } from '../../../src/migrations/lint/change.ts'

for (const [sql, verb, table, sets, picks] of [
  ['DELETE FROM a', 'DELETE', 'a', '', false],
  ['delete from main."a b" where x = 1', 'DELETE', 'a b', '', true],
  ['/* all */ DELETE FROM "main"."a"', 'DELETE', 'a', '', false],
  ['DELETE FROM main.a', 'DELETE', 'a', '', false],
  ['DELETE FROM "main".a', 'DELETE', 'a', '', false],
  ['WITH n AS (SELECT x FROM b WHERE x) DELETE FROM `a`', 'DELETE', 'a', '', false],
  ['UPDATE a SET x = 1, "y" = coalesce(z, 2) WHERE x IN (1)', 'UPDATE', 'a', 'x: 1; y: coalesce(z, 2)', true],
  ['UPDATE OR IGNORE [a] SET (x, y) = (1, 2)', 'UPDATE', 'a', 'x: (1, 2); y: (1, 2)', false],
  ['UPDATE a SET x = b.y FROM b', 'UPDATE', 'a', 'x: b.y', false],
  ['INSERT INTO a VALUES (1)', 'INSERT', 'a', '', false],
  ['INSERT INTO a (x) VALUES (1)', 'INSERT', 'a', '', false],
  ['INSERT OR REPLACE INTO a (x, y) SELECT *, max(y, 1) FROM b WHERE y', 'INSERT', 'a', 'x: *; y: max(y, 1)', true],
  ['INSERT INTO a (x) SELECT y FROM b WHERE TRUE ON CONFLICT DO NOTHING', 'INSERT', 'a', 'x: y', false],
  ['INSERT INTO a (x) SELECT y FROM b LIMIT 1', 'INSERT', 'a', 'x: y', true],
  ['REPLACE INTO a ("x", y) SELECT x FROM b', 'INSERT', 'a', 'x: x', false],
] as const)
  t.test(sql, async t => {
    const change = changeOf(sql)
    const told = change?.sets.map(({ column, expression }) => `${column}: ${expression}`).join('; ')
    t.strictSame([change?.verb, change?.table, told, change?.picks], [verb, table, sets, picks])
  })

t.test('of an INSERT it is told what it names and selects, each by itself', async t => {
  for (const [sql, into, selects] of [
    ['INSERT INTO a SELECT *, max(x, 1) AS y FROM b', [], ['*', 'max(x, 1) AS y']],
    ['INSERT INTO a ("x", y) VALUES (1, 2)', ['x', 'y'], []],
    ['INSERT INTO a (x, y) SELECT b.* FROM b', ['x', 'y'], ['b.*']],
    ['UPDATE a SET x = (SELECT y FROM b)', [], []],
  ] as const)
    t.match(changeOf(sql), { into, selects }, sql)
})

t.test('it is told whether other rows may go for its own', async t => {
  for (const [sql, expected] of [
    ['REPLACE INTO a VALUES (1)', true],
    ['insert or replace into a values (1)', true],
    ['UPDATE OR REPLACE a SET x = 1', true],
    ['INSERT OR IGNORE INTO a VALUES (1)', false],
    ['UPDATE a SET x = replace(x, 1, 2)', false],
  ] as const)
    t.equal(changeOf(sql)?.replaces, expected, sql)
})

t.test('its condition is told, without what comes behind', async t => {
  for (const [sql, where] of [
    [
      'UPDATE a SET x = 1 WHERE x IS NULL AND y IN (SELECT y FROM b WHERE z) RETURNING x',
      'x IS NULL AND y IN (SELECT y FROM b WHERE z)',
    ],
    ['DELETE FROM a', ''],
    ['INSERT INTO a SELECT y FROM b WHERE y ORDER BY y LIMIT 3', 'y'],
  ] as const)
    t.equal(changeOf(sql)?.where, where, sql)
})

t.test('what changes no rows is no change', async t => {
  for (const sql of ['SELECT 1', 'WITH n AS (SELECT 1) SELECT * FROM n', 'CREATE TABLE a (x)', 'DROP TABLE a', ''])
    t.equal(changeOf(sql), undefined)
})

t.test('a column is filled by what is neither NULL nor itself', async t => {
  for (const [expression, expected] of [
    ["'x'", true],
    ['y', true],
    ['1.5', true],
    ['coalesce(a.x, 0)', true],
    ['NULL', false],
    ['"x"', false],
    ['a.X', false],
  ] as const) {
    const update = changeOf(`UPDATE a SET y = 1, x = ${expression}`)
    t.equal(update && fills(update, 'x'), expected, expression)
    t.equal(update && fills(update, 'z'), false)
  }
})
