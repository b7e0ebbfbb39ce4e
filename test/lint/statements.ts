import t from 'tap'
import { changeOf, fills, findChance, findStatements, isRefused } from '../../src/lint/statements.ts'
import { testAnalyzer } from '../help/analyzed.ts'
import { recordStatements } from '../help/recorded.ts'

const asks = (...what: readonly string[]) => what.map(text => `HM502: asks SQLite for ${text}`)

testAnalyzer(
  t,
  'CREATE TABLE a (x, y DEFAULT CURRENT_TIMESTAMP); CREATE TABLE random (x)',
  ({ kept }) => findChance(kept),
  [
    ...(
      [
        "datetime('now')",
        "DATE('NOW', '-1 day')",
        "time( 'now' )",
        "julianday('now')",
        "unixepoch('now')",
        "strftime('%Y', 'now')",
        "timediff('now', '2026-01-01')",
        'datetime()',
        "strftime('%Y')",
        'CURRENT_TIMESTAMP',
        'current_date',
        'CURRENT_TIME',
        'random()',
        'randomblob(16)',
      ] as const
    ).map((text): [string, string[], readonly string[]] => [
      text,
      [`UPDATE a SET x = lower(${text}) WHERE y = 1`, `INSERT INTO a (x) VALUES (1), (${text})`],
      [...asks(text), ...asks(text)],
    ]),
    [
      'each is told once for a statement, in whatever way it writes',
      [
        'REPLACE INTO a SELECT random(), random() + unixepoch()',
        'WITH n AS (SELECT CURRENT_DATE AS x) INSERT INTO a (x) SELECT x FROM n',
      ],
      asks('random()', 'unixepoch()', 'CURRENT_DATE'),
    ],
    [
      'what says the same each time',
      [
        "INSERT INTO a VALUES (datetime('2026-01-18'), 'datetime(''now'')'), (strftime('%Y', x'3230'), lower('now'))",
        'UPDATE a SET x = date(y), y = abs(unixepoch(x))',
        'INSERT INTO random (x) VALUES (1)',
      ],
      [],
    ],
    [
      'a DEFAULT and a computed column',
      ['CREATE TABLE b (x DEFAULT CURRENT_TIMESTAMP, y, z AS (date(y)))', 'INSERT INTO b (y) VALUES (1)'],
      [],
    ],
    ['rows that are deleted', ["DELETE FROM a WHERE x < datetime('now')"], []],
  ],
)

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

const find = async (t: Parameters<typeof recordStatements>[0], sql: string) =>
  findStatements((await recordStatements(t, 'CREATE TABLE a (x)', [sql])).steps).map(
    ({ code, message }) => `${code}: ${message}`,
  )

for (const sql of ['COMMIT', 'END', 'ROLLBACK', 'DETACH other', 'VACUUM', '-- why\ncommit', 'PRAGMA nonsense('])
  t.test(`${JSON.stringify(sql)} is a statement that is refused`, async t => {
    t.strictSame(await find(t, sql), [`HM201: runs ${sql}`])
    t.equal(isRefused(sql), true)
  })

for (const sql of ['PRAGMA cache_size = 100', 'pragma recursive_triggers(1)'])
  t.test(`"${sql}" sets what does not last`, async t => t.strictSame(await find(t, sql), [`HM202: sets ${sql}`]))

for (const sql of [
  'PRAGMA user_version = 7',
  'PRAGMA main.application_id = 7',
  'PRAGMA legacy_alter_table = ON',
  'PRAGMA table_info(a)',
])
  t.test(`"${sql}" is let be`, async t => t.strictSame(await find(t, sql), []))

t.test('a transaction of the migration, and a statement that fails for another reason, are let be', async t => {
  const { steps } = await recordStatements(t, '', ['BEGIN', 'COMMIT', 'BEGIN', 'ROLLBACK', 'DROP TABLE none'])
  t.strictSame(findStatements(steps), [])
  t.equal(isRefused('DROP TABLE none'), false)
})
