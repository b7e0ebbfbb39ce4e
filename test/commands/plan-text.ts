import t from 'tap'
import { planText } from '../../src/commands/plan-text.ts'
import type { Planned } from '../../src/commands/planned.ts'

const statement = { asked: 'DELETE FROM a', sql: 'DELETE FROM a', rows: 0, milliseconds: 0.2, error: null }
const planned: Planned = {
  name: '0001-a',
  statements: [],
  structure: [],
  tables: [],
  lost: [],
  milliseconds: 5,
  bytes: 4096,
  findings: [],
}
const lines = (more: Partial<Planned>): readonly string[] =>
  planText({
    database: '/v/x.db',
    pending: ['0001-a'],
    migrations: [{ ...planned, ...more }],
    bytes: null,
    failure: null,
  })
    .trimEnd()
    .split('\n')
    .slice(3)

t.test('the first line says where, how many, and that it was tried', async t => {
  const nothing = { database: '/v/x.db', pending: [], migrations: [], bytes: null, failure: null }
  t.equal(planText(nothing), '/v/x.db: 0 pending\n')
  t.match(
    planText({ ...nothing, pending: ['0001-a', '0002-b'], migrations: [planned] }),
    /^\/v\/x\.db: 2 pending, tried on a copy\n/,
  )
})

t.test('a statement ends in one semicolon, and what is worth telling stands behind it', async t => {
  t.strictSame(lines({ statements: [statement] }), ['  DELETE FROM a;'])
  t.strictSame(lines({ statements: [{ ...statement, sql: 'DELETE\n  FROM a;', rows: 1, milliseconds: 1.6 }] }), [
    '  DELETE',
    '    FROM a;  -- 1 row, 2 ms',
  ])
  t.strictSame(lines({ statements: [{ ...statement, error: 'no\nluck' }] }), ['  DELETE FROM a;  -- failed: no luck'])
})

t.test('batches of one statement are told as one, with what they did together', async t => {
  const batch = [1, 2, 3].map(number => ({
    ...statement,
    asked: 'UPDATE a SET x = 1 WHERE id BETWEEN $first AND $last',
    sql: `UPDATE ${number}`,
    rows: 500,
    milliseconds: 0.5,
  }))
  t.strictSame(lines({ statements: [...batch, statement, statement] }), [
    '  UPDATE 1;  -- 3 times, 1,500 rows, 2 ms',
    '  DELETE FROM a;  -- 2 times',
  ])
})

t.test('statements of one text with other values each stand for themselves', async t => {
  const named = ['attic', 'prod-db'].map(id => ({
    ...statement,
    asked: 'DELETE FROM a WHERE id = $1',
    sql: `DELETE '${id}'`,
  }))
  t.strictSame(lines({ statements: named }), ["  DELETE 'attic';", "  DELETE 'prod-db';"])
})

t.test('the structure has a mark for each kind of change, and rows that come or go stand before and after', async t => {
  const structure = [
    { change: 'added', kind: 'table', name: 'b', detail: '1 column' },
    { change: 'removed', kind: 'view', name: 'view', detail: '' },
    { change: 'changed', kind: 'column', name: 'a.x', detail: 'TEXT -> REAL' },
  ] as const
  t.strictSame(lines({ structure }), [
    '  + table   b     1 column',
    '  - view    view',
    '  ~ column  a.x   TEXT -> REAL',
  ])
  const tables = [
    { name: 'same', before: 1, after: 1 },
    { name: 'less', before: 2, after: 1 },
    { name: 'new', before: null, after: 0 },
    { name: 'gone', before: 1000, after: null },
  ]
  t.strictSame(lines({ tables }), ['  less  2 rows -> 1 row', '  new   none -> 0 rows', '  gone  1,000 rows -> none'])
})

t.test('columns that have fewer values are told in a sentence each', async t => {
  const lost = [{ of: 'a.x', number: 2, text: 'a.x had 2 values and has 0 after it' }]
  t.strictSame(lines({ lost }), ['  a.x had 2 values and has 0 after it'])
})

t.test('of one that did not end no rows are told', async t => {
  const tables = [{ name: 'a', before: 7, after: null }]
  t.strictSame(lines({ tables, milliseconds: null, bytes: null }), [])
})

t.test('what up will need is added up; what it would fail with, and what was not tried, is said', async t => {
  const whole = { database: '/v/x.db', pending: ['0001-a', '0002-b', '0003-c'], migrations: [planned] }
  t.match(
    planText({ ...whole, bytes: { growth: 1000, journal: 20, backup: 3000 }, failure: null }),
    /up will need 4\.0 kB on the volume: database 1\.0 kB, journal 20 B, backup 3\.0 kB\n$/,
  )
  const failure = { code: 'MIGRATION_FAILED', message: 'migration 0001-a failed: no', hint: 'Mend it.' }
  t.match(
    planText({ ...whole, migrations: [{ ...planned, milliseconds: null, bytes: null }], bytes: null, failure }),
    /\n0001-a: it did not end\n\nnot tried: 0002-b, 0003-c\n\nup would fail: migration 0001-a failed: no \(MIGRATION_FAILED\)\n$/,
  )
})
