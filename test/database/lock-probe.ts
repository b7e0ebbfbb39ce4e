import { join } from 'node:path'
import t from 'tap'
import { refuseFalseLocks, tryLock } from '../../src/database/lock-probe.ts'
import { openDatabase } from '../../src/database/open.ts'
import { makeHelper } from '../help/helper.ts'

for (const mode of ['wal', 'delete', 'new']) {
  t.test(`a lock that is held is taken, one that is not is free (${mode})`, async t => {
    const file = join(t.testdir(), 'x.db')
    const connection = openDatabase(file)
    if (mode !== 'new') connection.exec(`PRAGMA journal_mode = ${mode}; CREATE TABLE a (x)`)
    t.equal(tryLock(file), 'free')
    connection.exec('BEGIN IMMEDIATE')
    t.equal(tryLock(file), 'taken')
    await t.resolves(refuseFalseLocks(file, 'nfs4', makeHelper()))
    connection.exec('ROLLBACK')
    t.equal(tryLock(file), 'free', 'trying gives it back')
    connection.close()
  })
}

t.test('where another process gets the lock too, the filesystem is refused by name', async t => {
  const file = join(t.testdir(), 'x.db')
  openDatabase(file).close()
  await t.rejects(refuseFalseLocks(file, 'nfs4', makeHelper()), { code: 'FILESYSTEM_UNSUITABLE', message: /nfs4/ })
})

t.test('a file that cannot be opened is an error', async t => {
  t.throws(() => tryLock(join(t.testdir(), 'none.db')), { code: 'SQLITE_CANTOPEN' })
  const file = join(t.testdir({ 'x.db': 'no database, '.repeat(100) }), 'x.db')
  t.throws(() => tryLock(file), { code: 'SQLITE_NOTADB' })
})
