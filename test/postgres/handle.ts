/** Transactions of a migration on a server: which end what, and what is over when one cannot keep its promise. */
import t, { type Test } from 'tap'
import { runPlain } from '../../src/engine.ts'
import { connect, ownTypes } from '../../src/postgres/connect.ts'
import { createHandle } from '../../src/postgres/handle.ts'
import { readServerUrl } from '../../src/server.ts'
import { sharedServer } from '../help/postgres.ts'

const server = await sharedServer()

/** A handle on a database with an empty table, inside a transaction as `up` holds it. */
const open = async (t: Pick<Test, 'teardown'>) => {
  const connection = await connect(readServerUrl(await server.makeDatabase(), undefined), 'write', undefined)
  t.teardown(() => connection.close())
  await connection.query('CREATE TABLE a (x integer)')
  await connection.query('BEGIN')
  const handle = createHandle(connection)
  /** one connection of Sequelize */
  const face = () => {
    const session = handle.open(runPlain)
    return (sql: string) => session.run({ sql, bound: [] }, ownTypes)
  }
  const rows = async () => (await connection.rows<{ x: number }>('SELECT x FROM a ORDER BY x')).map(({ x }) => x)
  return { handle, face, rows }
}

t.test('a savepoint that is released keeps its writes, and is none any more', async t => {
  const { face, rows, handle } = await open(t)
  const run = face()
  await run('SAVEPOINT "Mine"')
  await run('INSERT INTO a VALUES (1)')
  await run('RELEASE SAVEPOINT "Mine"')
  await t.rejects(run('ROLLBACK TO "Mine"'), { message: /no transaction or savepoint here/ })
  await t.resolves(handle.refuseUnfinished())
  t.strictSame(await rows(), [1])
})

t.test('a name of the own savepoints is none for others', async t => {
  const { face } = await open(t)
  await t.rejects(face()('SAVEPOINT Bridge_0'), { message: /uses the name bridge_0 itself/ })
})

t.test('a text without a statement does nothing', async t => {
  const { face, handle } = await open(t)
  await t.resolves(face()('-- nothing'))
  await t.resolves(handle.refuseUnfinished())
})

t.test('two that overlap are kept where both commit, the inner one first', async t => {
  const { face, rows, handle } = await open(t)
  const [first, second] = [face(), face()]
  await first('BEGIN')
  await second('BEGIN')
  await first('INSERT INTO a VALUES (1)')
  await second('INSERT INTO a VALUES (2)')
  await second('COMMIT')
  await first('COMMIT')
  await t.resolves(handle.refuseUnfinished())
  t.strictSame(await rows(), [1, 2])
})

for (const sql of ['COMMIT', 'ROLLBACK', 'RELEASE s', 'ROLLBACK TO s'])
  t.test(`${sql} before the end of one that began inside: all is over, whatever is caught`, async t => {
    const { face, handle } = await open(t)
    const [first, second] = [face(), face()]
    await first('BEGIN')
    await first('SAVEPOINT s')
    await second('BEGIN')
    await t.rejects(first(sql), { message: /end the inner one first/ })
    await t.rejects(second('INSERT INTO a VALUES (1)'), { message: /end the inner one first/ })
    await t.rejects(handle.refuseUnfinished(), { message: /end the inner one first/ })
  })

for (const back of ['ROLLBACK', 'ROLLBACK TO s'])
  t.test(`${back} that undoes a statement without { transaction }: all is over`, async t => {
    const { face, handle } = await open(t)
    const [plain, inside] = [face(), face()]
    await inside('BEGIN')
    await inside('SAVEPOINT s')
    await plain('SELECT * FROM a')
    await plain('INSERT INTO a VALUES (1)')
    await inside(back)
    await t.rejects(plain('SELECT 1'), { message: /VALUES \(1\)/ })
    await t.rejects(handle.refuseUnfinished(), { message: /undid a statement outside its transaction.*VALUES \(1\)/ })
  })

t.test('COMMIT of a transaction in which a statement failed is an error, and undoes it', async t => {
  const { face, rows, handle } = await open(t)
  const run = face()
  await run('BEGIN')
  await run('INSERT INTO a VALUES (1)')
  await t.rejects(run('SELECT nonsense'), { message: /"nonsense" does not exist/ })
  await t.rejects(run('COMMIT'), { message: /"nonsense" does not exist/ })
  await run('INSERT INTO a VALUES (2)')
  await t.resolves(handle.refuseUnfinished())
  t.strictSame(await rows(), [2])
})

t.test('such a COMMIT that undoes a statement without { transaction }: all is over', async t => {
  const { face, handle } = await open(t)
  const [plain, inside] = [face(), face()]
  await inside('BEGIN')
  await plain('INSERT INTO a VALUES (1)')
  await t.rejects(inside('SELECT nonsense'))
  await t.rejects(inside('COMMIT'), { message: /"nonsense" does not exist/ })
  await t.rejects(handle.refuseUnfinished(), { message: /undid a statement outside its transaction.*VALUES \(1\)/ })
})
