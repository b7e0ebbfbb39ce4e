import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { runPlain } from '../../src/engine.ts'
import { createHandle } from '../../src/sqlite/bridge/handle.ts'

/** A handle on a database with an empty table, inside a transaction as `up` holds it. */
const open = (t: Pick<Test, 'teardown'>, begin = 'BEGIN') => {
  const connection = new Database(':memory:')
  t.teardown(() => connection.close())
  connection.exec(`CREATE TABLE a (x UNIQUE); ${begin}`)
  const handle = createHandle(connection)
  /** one connection of Sequelize */
  const face = () => {
    const session = handle.open(runPlain)
    return async (sql: string) => {
      const outcome = await new Promise<Parameters<Parameters<typeof session.run>[1]>[0]>(resolve =>
        session.run({ sql, bound: [] }, resolve),
      )
      if ('error' in outcome) throw outcome.error
      return outcome.value.sql
    }
  }
  const rows = () => connection.prepare('SELECT x FROM a ORDER BY x').pluck().all()
  return { connection, handle, face, rows }
}

t.test('outside of a transaction the first one is a real one', async t => {
  const { connection, face } = open(t, '')
  const run = face()
  await run('BEGIN DEFERRED TRANSACTION')
  t.equal(connection.inTransaction, true)
  await run('COMMIT')
  t.equal(connection.inTransaction, false)
})

t.test('nothing of a COMMIT that failed is stored with what comes later', async t => {
  const { connection, face, rows } = open(t, 'CREATE TABLE b (x REFERENCES a (x) DEFERRABLE INITIALLY DEFERRED)')
  const run = face()
  await run('BEGIN')
  await run('INSERT INTO a VALUES (1)')
  await run('INSERT INTO b VALUES (9)')
  await t.rejects(run('COMMIT'), { code: 'SQLITE_CONSTRAINT_FOREIGNKEY' })
  t.equal(connection.inTransaction, false)
  await run('INSERT INTO a VALUES (2)')
  t.strictSame(rows(), [2])
})

t.test('a transaction inside one that is open undoes only its own part', async t => {
  const { connection, face, rows, handle } = open(t)
  const run = face()
  await run('INSERT INTO a VALUES (1)')
  t.equal(await run('BEGIN IMMEDIATE'), 'SAVEPOINT bridge_0')
  await run('INSERT INTO a VALUES (2)')
  await run('BEGIN')
  await run('INSERT INTO a VALUES (3)')
  t.equal(await run('COMMIT'), 'RELEASE bridge_1')
  t.equal(await run('ROLLBACK -- back to the start'), 'ROLLBACK TO bridge_0; RELEASE bridge_0')
  await run('BEGIN')
  await run('INSERT INTO a VALUES (4)')
  await run('END TRANSACTION')
  t.equal(connection.inTransaction, true)
  t.strictSame(rows(), [1, 4])
  t.doesNotThrow(handle.refuseUnfinished)
})

for (const back of [
  'ROLLBACK TO mine',
  'rollback transaction to savepoint "Mine";',
  'ROLLBACK/**/TO/**/[MINE] -- x',
  '\ufeffROLLBACK \ufeffTO mine',
])
  t.test(`${JSON.stringify(back)} goes back to a savepoint, and ends nothing`, async t => {
    const { connection, face, rows } = open(t)
    const run = face()
    await run('INSERT INTO a VALUES (1)')
    await run('SAVEPOINT mine')
    await run('INSERT INTO a VALUES (2)')
    await run(back)
    await run('INSERT INTO a VALUES (3)')
    await run('RELEASE mine')
    t.equal(connection.inTransaction, true)
    t.strictSame(rows(), [1, 3])
  })

for (const sql of [
  'COMMIT',
  'ROLLBACK',
  'END',
  ' /* sly */ -- very\n commit;',
  ';;COMMIT',
  '\ufeffCOMMIT',
  'RELEASE outer',
  'ROLLBACK TO outer',
])
  t.test(`${JSON.stringify(sql)} ends nothing that was not begun here`, async t => {
    const { connection, face, rows } = open(t, 'BEGIN; SAVEPOINT outer')
    const run = face()
    await run('INSERT INTO a VALUES (1)')
    await t.rejects(run(sql), { message: /no transaction or savepoint here/ })
    t.equal(connection.inTransaction, true)
    t.strictSame(rows(), [1])
    connection.exec('RELEASE outer')
  })

t.test('a name of the own savepoints is none for others', async t => {
  const { face } = open(t)
  await t.rejects(face()('SAVEPOINT "Bridge_0"'), { message: /bridge_0/ })
})

t.test('two that overlap are kept where both commit, the inner one first', async t => {
  const { face, rows, handle } = open(t)
  const [first, second] = [face(), face()]
  await first('BEGIN')
  await second('BEGIN')
  await first('INSERT INTO a VALUES (1)')
  await second('INSERT INTO a VALUES (2)')
  await second('COMMIT')
  await first('COMMIT')
  t.doesNotThrow(handle.refuseUnfinished)
  t.strictSame(rows(), [1, 2])
})

for (const sql of ['COMMIT', 'ROLLBACK', 'RELEASE s', 'ROLLBACK TO s'])
  t.test(`${sql} before the end of one that began inside: all is over, whatever is caught`, async t => {
    const { face, handle } = open(t)
    const [first, second] = [face(), face()]
    await first('BEGIN')
    await first('SAVEPOINT s')
    await second('BEGIN')
    await t.rejects(first(sql), { message: /end the inner one first/ })
    await t.rejects(second('INSERT INTO a VALUES (1)'), { message: /end the inner one first/ })
    t.throws(handle.refuseUnfinished, { message: /end the inner one first/ })
  })

t.test('a ROLLBACK that undoes what was committed inside it, by another one: all is over', async t => {
  const { face, handle } = open(t)
  const [first, second] = [face(), face()]
  await first('BEGIN')
  await second('BEGIN')
  await second('INSERT INTO a VALUES (2)')
  await second('COMMIT')
  await first('ROLLBACK')
  t.throws(handle.refuseUnfinished, { message: /undid a statement outside its transaction.*VALUES \(2\)/ })
})

for (const back of ['ROLLBACK', 'ROLLBACK TO s'])
  t.test(`${back} that undoes a statement without { transaction }: all is over`, async t => {
    const { face, handle } = open(t)
    const [plain, inside] = [face(), face()]
    await inside('BEGIN')
    await inside('SAVEPOINT s')
    await plain('SELECT * FROM a')
    await plain('INSERT INTO a VALUES (1)')
    await inside(back)
    await t.rejects(plain('SELECT 1'), { message: /VALUES \(1\)/ })
    t.throws(handle.refuseUnfinished, { message: /VALUES \(1\)/ })
  })

t.test('a ROLLBACK that undoes nothing but reads of others is one like any other', async t => {
  const { face, handle } = open(t)
  const [plain, inside] = [face(), face()]
  await inside('BEGIN')
  await inside('INSERT INTO a VALUES (1)')
  await plain('SELECT * FROM a')
  await inside('ROLLBACK')
  t.doesNotThrow(handle.refuseUnfinished)
})

for (const [how, sql] of [
  ['INSERT OR ROLLBACK', 'INSERT OR ROLLBACK INTO a VALUES (1)'],
  ['UPDATE OR ROLLBACK', 'UPDATE OR ROLLBACK a SET x = 1'],
  ['RAISE(ROLLBACK)', 'DELETE FROM a'],
  ['a constraint with ON CONFLICT ROLLBACK', 'INSERT INTO strict_one VALUES (NULL)'],
] as const)
  t.test(`where SQLite itself ends the transaction, by ${how}, no later statement runs`, async t => {
    const { connection, face, handle, rows } = open(
      t,
      `CREATE TABLE strict_one (y NOT NULL ON CONFLICT ROLLBACK);
       CREATE TRIGGER b BEFORE DELETE ON a BEGIN SELECT RAISE(ROLLBACK, 'no'); END; BEGIN`,
    )
    const [plain, inside] = [face(), face()]
    await plain('INSERT INTO a VALUES (1), (2)')
    await inside('BEGIN')
    await t.rejects(inside(sql), { code: /^SQLITE_CONSTRAINT/ })
    for (const later of ['INSERT INTO a VALUES (7)', 'BEGIN', 'COMMIT', 'ROLLBACK'])
      for (const run of [plain, inside])
        await t.rejects(run(later), {
          message: /SQLite itself rolled everything back/,
          cause: { code: /^SQLITE_CONSTRAINT/ },
        })
    t.throws(handle.refuseUnfinished, { message: /SQLite itself rolled everything back/ })
    t.equal(connection.inTransaction, false)
    t.strictSame(rows(), [])
  })

t.test('a transaction that was begun and not ended is told, a savepoint ends with the migration', async t => {
  const { face, handle } = open(t)
  await face()('SAVEPOINT s')
  t.doesNotThrow(handle.refuseUnfinished)
  await face()('BEGIN')
  t.throws(handle.refuseUnfinished, { message: /did not end it/ })
})
