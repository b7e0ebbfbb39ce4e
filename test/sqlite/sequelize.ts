import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import { DataTypes, UniqueConstraintError } from 'sequelize'
import t from 'tap'
import { noResult, runPlain, type SqlResult } from '../../src/engine.ts'
import { openDatabase } from '../../src/sqlite/connect.ts'
import { connectSequelize, createBridge, keywordOf } from '../../src/sqlite/sequelize.ts'

const open = (t: { teardown: (work: () => void) => void }, around = runPlain) => {
  const connection = new Database(':memory:')
  t.teardown(() => connection.close())
  const bridge = createBridge(connection, around)
  const face = new bridge.Database('name', bridge.OPEN_READWRITE, () => undefined)
  const run = (sql: string, values: readonly unknown[] | Record<string, unknown> = []) =>
    new Promise<{ rows: readonly unknown[]; lastID: number; changes: number; name: string }>((resolve, reject) => {
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

t.test('parameters by place and by name, with or without their sign', async t => {
  const { run } = open(t)
  t.strictSame((await run('SELECT ? AS x, ? AS y', [1, 'two'])).rows, [{ x: 1, y: 'two' }])
  t.strictSame((await run('SELECT $1 AS x, $name AS y', { $1: 1, name: 'two' })).rows, [{ x: 1, y: 'two' }])
})

t.test('booleans are stored as 0 and 1, undefined as NULL', async t => {
  const { run } = open(t)
  t.strictSame((await run('SELECT ? AS x, ? AS y, ? AS z', [true, false, undefined])).rows, [{ x: 1, y: 0, z: null }])
})

t.test('integers beyond 2^53 are never rounded', async t => {
  const { run } = open(t)
  const { rows } = await run('SELECT 9223372036854775807 AS big, 9007199254740991 AS safe, 0.5 AS real')
  t.strictSame(rows, [{ big: '9223372036854775807', safe: 9007199254740991, real: 0.5 }])
})

t.test('the first transaction is a real one', async t => {
  const { run, connection } = open(t)
  await run('BEGIN DEFERRED TRANSACTION')
  t.equal(connection.inTransaction, true)
  await run('COMMIT')
  t.equal(connection.inTransaction, false)
})

t.test('a transaction inside one that is open undoes only its own part', async t => {
  const { run, connection } = open(t)
  connection.exec('CREATE TABLE a (x); BEGIN')
  await run('INSERT INTO a VALUES (1)')
  await run('BEGIN IMMEDIATE')
  await run('INSERT INTO a VALUES (2)')
  await run('BEGIN')
  await run('INSERT INTO a VALUES (3)')
  await run('COMMIT')
  await run('ROLLBACK')
  await run('BEGIN')
  await run('INSERT INTO a VALUES (4)')
  await run('END TRANSACTION')
  t.equal(connection.inTransaction, true)
  t.strictSame((await run('SELECT x FROM a')).rows, [{ x: 1 }, { x: 4 }])
})

t.test('savepoints of its own stay its own', async t => {
  const { run, connection } = open(t)
  connection.exec('CREATE TABLE a (x); BEGIN')
  await run('SAVEPOINT mine')
  await run('INSERT INTO a VALUES (1)')
  await run('ROLLBACK TO mine')
  t.strictSame((await run('SELECT x FROM a')).rows, [])
})

for (const sql of ['COMMIT', 'ROLLBACK', 'END', ' /* sly */ -- very\n commit;', ';;COMMIT']) {
  t.test(`${JSON.stringify(sql)} does not end a transaction that was not begun here`, async t => {
    const { run, connection } = open(t)
    connection.exec('BEGIN')
    await t.rejects(run(sql))
    t.equal(connection.inTransaction, true)
  })
}

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
  await run('BEGIN')
  await run('BEGIN')
  await run('ROLLBACK')
  t.match(seen, [
    [
      { 1: 1, 2: 'b' },
      { changes: 2, reads: false, lastID: 2, rows: [] },
    ],
    [[3], { changes: 0, reads: false, rows: [{ x: 3 }] }],
    [[], { reads: true, rows: [{ number: 3 }] }],
    [[], { reads: false, rows: [] }],
    [[], { sql: 'BEGIN', reads: false }],
    [[], { sql: 'SAVEPOINT bridge_1', reads: false }],
    [[], { sql: 'ROLLBACK TO bridge_1; RELEASE bridge_1', reads: false }],
  ])
})

t.test('what is thrown and is no Error becomes one', async t => {
  const { run } = open(t, () => {
    throw 'words'
  })
  await t.rejects(run('SELECT 1'), { message: 'words' })
})

t.test('an error of SQLite keeps its code', async t => {
  const { run } = open(t)
  await t.rejects(run('SELECT * FROM nothing'), { code: 'SQLITE_ERROR' })
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

t.test('the keyword of a statement is its first word', async t => {
  t.equal(keywordOf('select 1'), 'SELECT')
  t.equal(keywordOf('-- a comment without end'), '')
  t.equal(keywordOf('/* one */ /* two */ ;\n Begin'), 'BEGIN')
  t.equal(keywordOf('(1)'), '')
})

t.test('everything Sequelize does is inside the transaction that is open', async t => {
  const connection = openDatabase(join(t.testdir(), 'x.db'))
  t.teardown(() => connection.close())
  const sequelize = connectSequelize(connection)
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
      await Thing.create({ name: 'd' })
      throw new Error('changed my mind')
    }),
    { message: 'changed my mind' },
  )
  t.equal(await Thing.count(), 2)
  connection.exec('ROLLBACK')
  t.equal(connection.prepare('SELECT count(*) FROM sqlite_schema').pluck().get(), 0)
})

t.test('Sequelize makes no folder and leaves foreign keys as they are', async t => {
  const folder = t.testdir()
  const connection = openDatabase(join(folder, 'x.db'))
  t.teardown(() => connection.close())
  connection.pragma('foreign_keys = OFF')
  const sequelize = connectSequelize(connection)
  await sequelize.query('SELECT 1')
  t.equal(connection.pragma('foreign_keys', { simple: true }), 0)
  await sequelize.close()
  t.equal(connection.open, true)
  t.equal(existsSync(join(folder, 'x.db')), true)
})
