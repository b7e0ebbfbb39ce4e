import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Reverted, revertMigrations } from '../../src/dry-run/revert.ts'
import { runPlain } from '../../src/engine.ts'
import { Failure } from '../../src/failure.ts'
import type { LoadedMigration, Migration } from '../../src/migrations/load.ts'
import { applyMigrations } from '../../src/migrations/run.ts'
import { openDatabase, withTransaction } from '../../src/sqlite/connect.ts'
import { readHistory } from '../../src/sqlite/history.ts'
import { migratableOn } from '../../src/sqlite/transaction.ts'
import { dump } from '../help/program.ts'

const signal = new AbortController().signal
const patience = { lockTimeout: 0, signal, onWait: () => undefined }
const options = {
  version: '1.2.3',
  signal,
  idleLimit: 60,
  onProgress: () => undefined,
  hook: runPlain,
  backup: undefined,
}
const query =
  (...statements: readonly string[]): Migration =>
  async ({ context }) => {
    for (const sql of statements) await context.sequelize.query(sql)
  }
const migration = (name: string, up: Migration, down: Migration | undefined): LoadedMigration => ({
  ...{ name, file: `/m/${name}.ts`, text: '', checksum: `sha256:${name}` },
  ...{ up, down, removesRows: [] },
})
const a = migration(
  '0001-a',
  query('CREATE TABLE a (id INTEGER PRIMARY KEY)', 'INSERT INTO a VALUES (1), (2)'),
  query('DROP TABLE a'),
)
const b = migration(
  '0002-b',
  query('CREATE TABLE b (a REFERENCES a (id))', 'INSERT INTO b VALUES (1)'),
  query('DROP TABLE b'),
)

/** A database to which migrations were applied, and a function that takes some back. */
const prepare = async (t: Pick<Test, 'testdir' | 'teardown'>, migrations: readonly LoadedMigration[]) => {
  const file = join(t.testdir(), 'x.db')
  const connection = openDatabase(file)
  t.teardown(() => connection.close())
  await withTransaction(connection, patience, () => applyMigrations(migratableOn(connection), migrations, options))
  const revert = async (names: readonly string[], meant: (table: string) => boolean = () => true, stop = signal) => {
    const reverted: Reverted[] = []
    await withTransaction(connection, patience, () =>
      revertMigrations(migratableOn(connection), migrations, names, { ...options, signal: stop }, one => {
        if (!one.lost.every(({ of }) => meant(of))) throw new Failure('DATABASE_BUSY', 'not meant', 'hint')
        reverted.push(one)
      }),
    )
    return reverted
  }
  return { file, connection, revert }
}

t.test(
  'migrations are taken back in the order that is given, with their records, and each tells what it did',
  async t => {
    const { connection, revert } = await prepare(t, [a, b])
    t.match(await revert(['0002-b', '0001-a']), [
      { name: '0002-b', structure: [{ change: 'removed', kind: 'table', name: 'b' }], lost: [{ of: 'b', number: 1 }] },
      {
        name: '0001-a',
        structure: [{ change: 'removed', kind: 'table', name: 'a' }],
        lost: [{ of: 'a', number: 2, text: /2 rows/ }],
      },
    ])
    t.strictSame(readHistory(connection), [])
  },
)

t.test('what is not meant is not done, and all is as it was', async t => {
  const { file, revert } = await prepare(t, [a, b])
  const before = dump(file)
  await t.rejects(
    revert(['0002-b', '0001-a'], of => of === 'b'),
    { code: 'DATABASE_BUSY' },
  )
  t.equal(dump(file), before)
})

t.test('values that go without their rows are counted, and rows that are written over', async t => {
  const up = query(
    'CREATE TABLE v (id INTEGER PRIMARY KEY, x, y, z)',
    "INSERT INTO v VALUES (1, 'a', 'b', 'c'), (2, 'a', NULL, 'c'), (3, NULL, NULL, 'c')",
  )
  for (const [statements, lost] of [
    [['ALTER TABLE v DROP COLUMN x'], [{ of: 'v.x', number: 2, text: 'v.x had 2 values and has 0 after it' }]],
    [['ALTER TABLE v RENAME COLUMN x TO w', 'ALTER TABLE v RENAME TO u'], []],
    [
      ['UPDATE v SET z = NULL WHERE id > 1'],
      [
        { of: 'v.z', number: 2, text: 'v.z had 3 values and has 1 after it' },
        { of: 'statements', number: 2, text: 'statements wrote over or deleted up to 2 rows' },
      ],
    ],
    [["UPDATE v SET x = 'other' WHERE id = 1"], [{ of: 'statements', number: 1 }]],
    [
      ['DELETE FROM v WHERE id = 1'],
      [
        { of: 'v', number: 1 },
        { of: 'statements', number: 1 },
      ],
    ],
    [["INSERT INTO v (id, x) VALUES (4, 'OR REPLACE')"], []],
    [["INSERT OR REPLACE INTO v VALUES (1, 'other', 'b', 'c')"], [{ of: 'statements', number: 1 }]],
    [["INSERT INTO v (id) VALUES (1) ON CONFLICT DO UPDATE SET x = 'other'"], [{ of: 'statements', number: 1 }]],
    [
      [
        'CREATE TABLE w (id INTEGER PRIMARY KEY, y)',
        'INSERT INTO w SELECT id, y FROM v',
        'DROP TABLE v',
        'ALTER TABLE w RENAME TO v',
      ],
      [
        { of: 'v.x', number: 2 },
        { of: 'v.z', number: 3 },
      ],
    ],
  ] as const) {
    const { revert } = await prepare(t, [migration('0001-v', up, query(...statements))])
    const [reverted] = await revert(['0001-v'])
    t.match(reverted?.lost, lost, statements.join('; '))
    t.equal(reverted?.lost.length, lost.length)
  }
})

t.test('values that a rebuild writes anew are told, though there are as many as before', async t => {
  const up = query(
    'CREATE TABLE v (id INTEGER PRIMARY KEY, code TEXT, text, n, twice AS (id * 2))',
    "INSERT INTO v VALUES (1, '007', 'keep me', NULL), (2, 'b', 'and me', NULL)",
  )
  const [drop, rename] = ['DROP TABLE IF EXISTS main.v;', 'ALTER TABLE w RENAME TO v']
  const make = (columns: string, select: string, from = 'v') => [
    `CREATE TABLE w (${columns})`,
    `INSERT INTO w SELECT ${select} FROM ${from}`,
  ]
  const whole = 'id INTEGER PRIMARY KEY, code TEXT, text, n'
  const [code, text] = ['code', 'text'].map(column => ({
    ...{ of: `v.${column}`, number: 2 },
    text: `v.${column} had 2 values and has different ones after it`,
  }))
  for (const [title, statements, lost] of [
    [
      'constants, and another affinity',
      [...make('id INTEGER PRIMARY KEY, code INTEGER, text, n', "id, code, 'gone', n"), drop, rename],
      [code, text],
    ],
    ['the same', [...make(whole, 'id, code, text, n', 'v ORDER BY code'), drop, rename], []],
    ['NULL that is filled', [...make(whole, 'id, code, text, 7'), drop, rename], []],
    ['rows that changed places', [...make(whole, '3 - id, code, text, n'), 'DROP TABLE "v"', rename], [code, text]],
    [
      'columns with other names, before and after',
      [
        'ALTER TABLE v RENAME COLUMN text TO t',
        'ALTER TABLE v RENAME COLUMN id TO number',
        ...make('number INTEGER PRIMARY KEY, code TEXT, t, n', 'number, code, upper(t), n'),
        'DROP TABLE v',
        rename,
        'ALTER TABLE v RENAME COLUMN t TO text',
      ],
      [text],
    ],
    [
      'the table that was renamed away',
      [
        'ALTER TABLE v RENAME TO o',
        `CREATE TABLE v (${whole})`,
        "INSERT INTO v SELECT id, 'x', text, n FROM o",
        'DROP TABLE o',
      ],
      [code],
    ],
    [
      'a key that is gone, and rows that have none',
      [...make('code TEXT, text, n', 'code, text, n'), drop, rename],
      [{ of: 'v.id', number: 2, text: 'v.id had 2 values and has 0 after it' }, code, text],
    ],
    [
      'fewer values are told as that',
      [...make(whole, "id, code, nullif(text, 'keep me'), n"), drop, rename],
      [{ of: 'v.text', number: 1 }],
    ],
    [
      'another table in its place',
      [`CREATE TABLE w (${whole})`, "INSERT INTO w VALUES (8, 'a', 'b', 'c'), (9, 'a', 'b', 'c')", drop, rename],
      [
        { of: 'v', number: 2, text: /2 rows of v are gone/ },
        ...['id', 'code', 'text'].map(column => ({ of: `v.${column}`, number: 2, text: /had 2 values and has 0/ })),
      ],
    ],
    [
      'a table that nobody knows',
      ['CREATE TEMP TABLE x AS SELECT 1', 'DROP TABLE x', 'CREATE TABLE x (y)', 'DROP TABLE x'],
      [],
    ],
  ] as const) {
    const { revert } = await prepare(t, [migration('0001-v', up, query(...statements))])
    const [reverted] = await revert(['0001-v'])
    t.match(reverted?.lost, lost, title)
    t.equal(reverted?.lost.length, lost.length, title)
  }
})

t.test('rows without their parent are never meant', async t => {
  const orphans = migration('0002-b', b.up, query('DELETE FROM a WHERE id = 1'))
  const { file, revert } = await prepare(t, [a, orphans])
  const before = dump(file)
  await t.rejects(revert(['0002-b']), { code: 'MIGRATION_FAILED', message: /1 row breaks the foreign key b -> a/ })
  t.equal(dump(file), before)
})

t.test('one that throws, that has no down, or that was not awaited, takes nothing back', async t => {
  for (const down of [
    query('NONSENSE'),
    undefined,
    (async ({ context }) => void context.sequelize.query('DROP TABLE b').catch(() => undefined)) satisfies Migration,
  ]) {
    const { file, revert } = await prepare(t, [a, migration('0002-b', b.up, down)])
    const before = dump(file)
    await t.rejects(revert(['0002-b']), { code: 'MIGRATION_FAILED', message: /0002-b/ })
    t.equal(dump(file), before)
  }
})

t.test('a signal stops it', async t => {
  const { revert } = await prepare(t, [a, b])
  const controller = new AbortController()
  const reason = new Failure('SIGTERM', 'stopped', 'hint')
  controller.abort(reason)
  await t.rejects(
    revert(['0002-b'], () => true, controller.signal),
    reason,
  )
})
