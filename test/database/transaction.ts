import { join } from 'node:path'
import t from 'tap'
import { type Connection, openDatabase } from '../../src/database/open.ts'
import { withTransaction } from '../../src/database/transaction.ts'

const patience = { lockTimeout: 0, signal: new AbortController().signal, onWait: () => undefined }
const foreignKeys = (connection: Connection) => connection.pragma('foreign_keys', { simple: true })
const open = (t: { testdir: () => string; teardown: (work: () => void) => void }) => {
  const file = join(t.testdir(), 'x.db')
  const connection = openDatabase(file)
  const other = openDatabase(file)
  t.teardown(() => [connection.close(), other.close()])
  return { connection, other }
}

t.test('the work is committed, and its result given', async t => {
  const { connection, other } = open(t)
  const result = await withTransaction(connection, patience, async () => {
    connection.exec('CREATE TABLE a (x)')
    return 'done'
  })
  t.equal(result, 'done')
  t.strictSame(other.prepare('SELECT name FROM sqlite_schema').pluck().all(), ['a'])
})

t.test('foreign keys are off inside and on after, however it ends', async t => {
  const { connection } = open(t)
  await withTransaction(connection, patience, async () => t.equal(foreignKeys(connection), 0))
  t.equal(foreignKeys(connection), 1)
  await t.rejects(withTransaction(connection, patience, () => Promise.reject(new Error('x'))))
  t.equal(foreignKeys(connection), 1)
})

t.test('work may commit by itself, to undo what it did besides where that fails', async t => {
  const { connection, other } = open(t)
  other.exec('CREATE TABLE a (x); BEGIN; SELECT * FROM a')
  const failed = withTransaction(connection, patience, async commit => {
    connection.exec('INSERT INTO a VALUES (1)')
    await t.rejects(commit(), { code: 'SQLITE_BUSY' })
    throw new Error('undone')
  })
  await t.rejects(failed, { message: 'undone' })
  other.exec('COMMIT')
  await withTransaction(connection, patience, async commit => {
    connection.exec('INSERT INTO a VALUES (2)')
    await commit()
    t.strictSame(other.prepare('SELECT x FROM a').pluck().all(), [2])
  })
})

t.test('when the work throws, nothing of it stays', async t => {
  const { connection, other } = open(t)
  const work = async () => {
    connection.exec('CREATE TABLE a (x)')
    throw new Error('too bad')
  }
  await t.rejects(withTransaction(connection, patience, work), { message: 'too bad' })
  t.equal(connection.inTransaction, false)
  t.strictSame(other.prepare('SELECT name FROM sqlite_schema').pluck().all(), [])
})

t.test('when SQLite rolled back by itself the first error is still the one', async t => {
  const { connection } = open(t)
  const work = async () => {
    connection.exec('ROLLBACK')
    throw new Error('the first')
  }
  await t.rejects(withTransaction(connection, patience, work), { message: 'the first' })
})

t.test('a second writer is refused while the first is at work', async t => {
  const { connection, other } = open(t)
  await withTransaction(connection, patience, async () => {
    await t.rejects(
      withTransaction(other, patience, async () => t.fail('both inside')),
      { code: 'SQLITE_BUSY' },
    )
  })
})
