import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { DataTypes, Op, UniqueConstraintError } from 'sequelize'
import t, { type Test } from 'tap'
import { noResult, runPlain, type SqlResult } from '../../src/engine.ts'
import { createHandle } from '../../src/sqlite/bridge/handle.ts'
import { connectHandle, createBridge } from '../../src/sqlite/bridge/sequelize.ts'
import type { SqliteHook } from '../../src/sqlite/bridge/session.ts'
import { toText } from '../../src/sqlite/bridge/times.ts'
import { openDatabase } from '../../src/sqlite/connect.ts'
import { keywordOf } from '../../src/sqlite/sql.ts'

const open = (t: { teardown: (work: () => void) => void }, around: SqliteHook = runPlain) => {
  const connection = new Database(':memory:')
  t.teardown(() => connection.close())
  const bridge = createBridge(() => createHandle(connection).open(around), toText)
  const face = new bridge.Database('name', bridge.OPEN_READWRITE, () => undefined)
  const run = (sql: string, values: readonly unknown[] | Record<string, unknown> = []) =>
    new Promise<{ rows: readonly unknown[]; lastID: unknown; changes: number; name: string }>((resolve, reject) => {
      face.all(sql, values, function (error, rows = []) {
        if (error) reject(error)
        else resolve({ rows, lastID: this.lastID, changes: this.changes, name: this.constructor.name })
      })
    })
  return { connection, face, run }
}

t.test('a statement that gives no rows tells what it changed, in an object called Statement', async t => {
  const { run } = open(t)
  await run('CREATE TABLE a (x)')
  t.match(await run('INSERT INTO a VALUES (1), (2)'), { rows: [], lastID: 2, changes: 2, name: 'Statement' })
})

t.test('RETURNING gives rows, and the last id and the number of rows as well', async t => {
  const { run, face } = open(t)
  await run('CREATE TABLE a (id INTEGER PRIMARY KEY, x)')
  t.match(await run("INSERT INTO a (x) VALUES ('a'), ('b') RETURNING id"), {
    rows: [{ id: 1 }, { id: 2 }],
    lastID: 2,
    changes: 2,
  })
  const rows = await new Promise(resolve =>
    face.run("INSERT INTO a (x) VALUES ('c') RETURNING id", [], (_, found) => resolve(found)),
  )
  t.strictSame(rows, [{ id: 3 }])
})

t.test('the callback of `run` gets no rows where there are none: Sequelize looks for an id in a list', async t => {
  const { face } = open(t)
  const given = await new Promise(resolve => face.run('CREATE TABLE a (x)', [], (...all) => resolve(all)))
  t.strictSame(given, [null])
})

t.test('parameters by place and by name, with or without their sign', async t => {
  const { run } = open(t)
  t.strictSame((await run('SELECT ? AS x, ? AS y', [1, 'two'])).rows, [{ x: 1, y: 'two' }])
  t.strictSame((await run('SELECT $1 AS x, $name AS y', { $1: 1, name: 'two' })).rows, [{ x: 1, y: 'two' }])
})

t.test('a list is bound to $1, $2 by their numbers, not by where they stand', async t => {
  const { run } = open(t)
  const { rows } = await run("SELECT $2 AS b, $1 AS a, $2 AS again, '$3' AS text -- $4", ['one', 'two'])
  t.strictSame(rows, [{ b: 'two', a: 'one', again: 'two', text: '$3' }])
})

t.test('whole numbers, booleans and bigints are INTEGER up to 2^63-1, and undefined is NULL', async t => {
  const { run, connection } = open(t)
  connection.exec('CREATE TABLE a (text TEXT, any)')
  const values = [3, -0, 2 ** 31, 2 ** 53, -(2 ** 63), 9_223_372_036_854_775_807n, true, false, 0.5, 1e300, undefined]
  for (const value of values) await run('INSERT INTO a VALUES ($1, $1)', { $1: value })
  t.strictSame(connection.prepare('SELECT text, typeof(any) FROM a').raw().all(), [
    ['3', 'integer'],
    ['0', 'integer'],
    ['2147483648', 'integer'],
    ['9007199254740992', 'integer'],
    ['-9223372036854775808', 'integer'],
    ['9223372036854775807', 'integer'],
    ['1', 'integer'],
    ['0', 'integer'],
    ['0.5', 'real'],
    ['1.0e+300', 'real'],
    [null, 'null'],
  ])
  t.strictSame((await run('SELECT 7 / ? AS half, json_array(?) AS json', [2, 3])).rows, [{ half: 3, json: '[3]' }])
})

t.test(
  'every number comes back as it was bound, a whole one beyond 2^53 as text, since SQLite has it exactly',
  async t => {
    const { run } = open(t)
    const number = fc.oneof(fc.double({ noNaN: true }), fc.maxSafeInteger(), fc.integer())
    await fc.assert(
      fc.asyncProperty(number, async value => {
        const { rows } = await run('SELECT ? AS x', [value])
        const isExact = Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 2 ** 63
        // SQLite has no -0
        t.strictSame(rows, [{ x: isExact ? String(BigInt(value)) : value + 0 }])
      }),
      { numRuns: 200, examples: [[2 ** 61 + 2 ** 20], [-(2 ** 53)], [2 ** 63]] },
    )
  },
)

t.test('a Date is bound as the text that was chosen, and one that is no time fails the statement', async t => {
  const { run } = open(t)
  t.strictSame((await run('SELECT ? AS x', [new Date('2026-02-01T12:00:00Z')])).rows, [{ x: '2026-02-01 12:00:00' }])
  await t.rejects(run('SELECT ?', [new Date(Number.NaN)]), RangeError)
})

t.test('integers beyond 2^53 are never rounded, ids neither', async t => {
  const { run } = open(t)
  const { rows } = await run('SELECT 9223372036854775807 AS big, 9007199254740991 AS safe, 0.5 AS real')
  t.strictSame(rows, [{ big: '9223372036854775807', safe: 9007199254740991, real: 0.5 }])
  await run('CREATE TABLE a (id INTEGER PRIMARY KEY)')
  t.match(await run('INSERT INTO a VALUES (9223372036854775807)'), { lastID: '9223372036854775807' })
})

t.test('several statements in one text are refused, and none of them is run', async t => {
  const { run, connection } = open(t)
  connection.exec('CREATE TABLE a (x)')
  for (const sql of [
    'INSERT INTO a VALUES (1); INSERT INTO a VALUES (2)',
    'BEGIN; INSERT INTO a VALUES (1); COMMIT',
    'ROLLBACK /* ; */; DELETE FROM a',
    ';; -- ;\n SAVEPOINT a; RELEASE a;',
  ])
    await t.rejects(run(sql), { message: /several statements/ }, sql)
  t.equal(connection.prepare('SELECT count(*) FROM a').pluck().get(), 0)
  t.equal(connection.inTransaction, false)
})

t.test('a semicolon that ends no statement makes no second one', async t => {
  const { run } = open(t)
  await run('CREATE TABLE a (x);;')
  await run("INSERT INTO a VALUES (';') -- ; and more")
  await run('CREATE TRIGGER b AFTER INSERT ON a BEGIN DELETE FROM a; SELECT 1; END;')
  await t.rejects(run('-- nothing'), { message: /no statements/ })
})

t.test('what stands around may refuse a statement, or give another outcome in its place', async t => {
  const { run, connection } = open(t, ({ sql }, execute) => {
    if (sql.includes('secret')) throw new Error('refused')
    return sql.includes('DROP') ? noResult : execute()
  })
  await t.rejects(run('SELECT 1 AS secret'), { message: 'refused' })
  connection.exec('CREATE TABLE a (x)')
  t.match(await run('DROP TABLE a'), { rows: [], changes: 0 })
  t.strictSame((await run('SELECT * FROM a')).rows, [])
})

t.test('what stands around sees the values, and what came of them', async t => {
  const seen: unknown[] = []
  const { run, connection } = open(t, (asked, execute) => {
    const executed: SqlResult = execute()
    seen.push([asked.bound, executed])
    return executed
  })
  connection.exec('CREATE TABLE a (x)')
  await run('INSERT INTO a VALUES ($1), ($2)', { $1: true, $2: 'b' })
  await run('INSERT INTO a VALUES (?) RETURNING x', [3])
  await run('SELECT count(*) AS number FROM a')
  await run('PRAGMA legacy_alter_table = ON')
  t.match(seen, [
    [
      { 1: 1n, 2: 'b' },
      { changes: 2, reads: false, lastID: 2, rows: [] },
    ],
    [[3n], { changes: 1, reads: false, rows: [{ x: 3 }] }],
    [[], { reads: true, rows: [{ number: 3 }] }],
    [[], { reads: false, rows: [] }],
  ])
})

t.test('what is thrown and is no Error becomes one', async t => {
  const { run } = open(t, () => {
    throw 'words'
  })
  await t.rejects(run('SELECT 1'), { message: 'words' })
})

t.test('errors have the shape of sqlite3: the primary code, its number, and both before the sentence', async t => {
  const { run, connection } = open(t)
  connection.exec('CREATE TABLE a (x UNIQUE); INSERT INTO a VALUES (1)')
  await t.rejects(run('SELECT * FROM missing'), {
    message: 'SQLITE_ERROR: no such table: missing',
    code: 'SQLITE_ERROR',
    errno: 1,
  })
  await t.rejects(run('INSERT INTO a VALUES (1)'), {
    message: 'SQLITE_CONSTRAINT: UNIQUE constraint failed: a.x',
    code: 'SQLITE_CONSTRAINT',
    errno: 19,
    cause: { code: 'SQLITE_CONSTRAINT_UNIQUE' },
  })
})

t.test('the face of sqlite3: serialize, calls without values or callback, close', async t => {
  const { face, connection } = open(t)
  face.serialize(() => face.run('CREATE TABLE a (x)'))
  const rows = await new Promise(resolve => face.all('SELECT name FROM sqlite_schema', (_, found) => resolve(found)))
  t.strictSame(rows, [{ name: 'a' }])
  face.close()
  await promisify(face.close.bind(face))()
  t.equal(connection.open, true)
})

t.test('an error with nobody to tell is dropped as sqlite3 does', async t => {
  const { face, run } = open(t)
  face.run('NONSENSE')
  await t.resolves(run('SELECT 1'))
})

t.test('a database that cannot be opened is SQLITE_CANTOPEN, and every call on it fails', async t => {
  const open = (path: string) => createHandle(new Database(path, { fileMustExist: true })).open(runPlain)
  const { Database: Face } = createBridge(open, toText)
  for (const path of [`${t.testdir()}/nothing.db`, `${t.testdir()}/no/folder.db`]) {
    const { promise: opened, resolve } = Promise.withResolvers<unknown>()
    const face = new Face(path, 2, resolve)
    t.match(await opened, { code: 'SQLITE_CANTOPEN', errno: 14, message: /^SQLITE_CANTOPEN: unable to open/ })
    await t.rejects(promisify(face.all.bind(face, 'SELECT 1', []))(), { code: 'SQLITE_MISUSE' })
    await t.resolves(promisify(face.close.bind(face))())
  }
})

t.test('the keyword of a statement is its first word', async t => {
  t.equal(keywordOf('select 1'), 'SELECT')
  t.equal(keywordOf('-- a comment without end'), '')
  t.equal(keywordOf('/* one */ /* two */ ;\n Begin'), 'BEGIN')
  t.equal(keywordOf('(1)'), '')
})

/** Sequelize as migrations get it. */
const openSequelize = (t: Pick<Test, 'testdir' | 'teardown'>) => {
  const connection = openDatabase(join(t.testdir(), 'x.db'))
  t.teardown(() => connection.close())
  return { connection, sequelize: connectHandle(createHandle(connection), runPlain) }
}

t.test('everything Sequelize does is inside the transaction that is open', async t => {
  const { connection, sequelize } = openSequelize(t)
  connection.exec('BEGIN IMMEDIATE')
  const Thing = sequelize.define('thing', { name: { type: DataTypes.TEXT, unique: true } }, { timestamps: false })
  await Thing.sync()
  const things = await Thing.bulkCreate([{ name: 'a' }, { name: 'b' }])
  t.strictSame(
    things.map(thing => thing.get('id')),
    [1, 2],
  )
  await t.rejects(Thing.create({ name: 'a' }), UniqueConstraintError)
  await t.rejects(
    sequelize.transaction(async transaction => {
      await Thing.create({ name: 'c' }, { transaction })
      throw new Error('changed my mind')
    }),
    { message: 'changed my mind' },
  )
  await sequelize.transaction(async transaction => {
    await Thing.findOrCreate({ where: { name: 'd' }, transaction })
    await Thing.create({ name: 'e' })
    const inner = await sequelize.transaction({ transaction })
    await Thing.create({ name: 'f' }, { transaction: inner })
    await inner.rollback()
  })
  t.equal(await Thing.count(), 4)
  connection.exec('ROLLBACK')
  t.equal(connection.prepare('SELECT count(*) FROM sqlite_schema').pluck().get(), 0)
})

t.test('Sequelize makes no folder, leaves foreign keys as they are, and the connection open', async t => {
  const { connection, sequelize } = openSequelize(t)
  connection.pragma('foreign_keys = OFF')
  await sequelize.query('SELECT 1')
  t.equal(connection.pragma('foreign_keys', { simple: true }), 0)
  await sequelize.close()
  t.equal(connection.open, true)
  const gone = createHandle(new Database(join(t.testdir(), 'gone/..', 'y.db')))
  t.equal(existsSync(join(t.testdirName, 'gone')), false, gone.name)
})

t.test('however a Date comes into a statement, it is stored and found as the models have it', async t => {
  const { connection, sequelize } = openSequelize(t)
  const schema = sequelize.getQueryInterface()
  const at = new Date('2026-02-01T12:00:00Z')
  const later = new Date('2026-02-01T12:00:00.250Z')
  await schema.createTable('a', { id: DataTypes.INTEGER, at: { type: 'TIMESTAMP', defaultValue: at } })
  const Thing = sequelize.define(
    'a',
    { at: DataTypes.DATE, day: DataTypes.DATEONLY },
    { tableName: 'a', timestamps: false },
  )
  const options = { replacements: [at, [later]] }
  await schema.bulkInsert('a', [{ id: 1, at }], {})
  await schema.bulkInsert('a', [{ id: 2, at }], {}, { at: { type: DataTypes.DATE } })
  await schema.bulkInsert('a', [{ id: 3, at: null }], {})
  await schema.bulkUpdate('a', { at }, { id: 3 })
  await schema.insert(null, 'a', { id: 4, at })
  await sequelize.query('INSERT INTO a (id, at) VALUES (5, $1)', { bind: [at] })
  await sequelize.query('INSERT INTO a (id, at) VALUES (6, $at)', { bind: { at } })
  await sequelize.query('INSERT INTO a (id, at) SELECT 7, ? WHERE ? NOT IN (1)', options)
  await sequelize.query('INSERT INTO a (id, at) VALUES (8, :at)', { replacements: { at } })
  await sequelize.query({ query: 'INSERT INTO a (id, at) VALUES (9, ?)', values: [at] })
  await Thing.create({ id: 11, at })
  await Thing.bulkCreate([{ id: 12, at }])
  await schema.bulkInsert('a', [{ id: 13 }], {})
  await schema.bulkDelete('a', { at: { [Op.gt]: at } })
  t.strictSame(connection.prepare('SELECT at, count(*) FROM a GROUP BY at').raw().all(), [['2026-02-01 12:00:00', 12]])
  t.equal(await Thing.count({ where: { at } }), 12)
  t.equal(await Thing.count({ where: { at: { [Op.in]: [at, later] } } }), 12)
})

t.test('a type that makes something else of a Date makes it', async t => {
  const { connection, sequelize } = openSequelize(t)
  const Thing = sequelize.define(
    'a',
    { day: DataTypes.DATEONLY, json: DataTypes.JSON },
    { tableName: 'a', timestamps: false },
  )
  await Thing.sync()
  const at = new Date('2026-02-01T12:00:00Z')
  await Thing.create({ day: at, json: { at } })
  await sequelize.getQueryInterface().bulkInsert('a', [{ day: at }], {}, { day: { type: new DataTypes.DATEONLY() } })
  t.strictSame(connection.prepare('SELECT day, json FROM a').raw().all(), [
    ['2026-02-01', '{"at":"2026-02-01T12:00:00.000Z"}'],
    ['2026-02-01', null],
  ])
})
