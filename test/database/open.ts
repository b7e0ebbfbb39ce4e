import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openDatabase, openExisting, openForReading } from '../../src/database/open.ts'

t.test('a database that is not there is made', async t => {
  const file = join(t.testdir(), 'x.db')
  openDatabase(file).close()
  t.equal(existsSync(file), true)
})

t.test('opening for reading makes nothing and writes nothing', async t => {
  const file = join(t.testdir(), 'x.db')
  t.throws(() => openForReading(file), { code: 'SQLITE_CANTOPEN' })
  t.equal(existsSync(file), false)
  openDatabase(file).close()
  const connection = openForReading(file)
  t.throws(() => connection.exec('CREATE TABLE a (x)'), { code: 'SQLITE_READONLY' })
  connection.close()
})

t.test('opening what exists makes nothing', async t => {
  const file = join(t.testdir(), 'x.db')
  t.throws(() => openExisting(file), { code: 'SQLITE_CANTOPEN' })
  t.equal(existsSync(file), false)
  openDatabase(file).close()
  const connection = openExisting(file)
  connection.exec('CREATE TABLE a (x)')
  connection.close()
})

t.test('a folder where the database should be is refused', async t => {
  const folder = t.testdir({ 'x.db': {} })
  t.throws(() => openDatabase(join(folder, 'x.db')), { code: 'CONFIG_INVALID' })
  t.throws(() => openForReading(join(folder, 'x.db')), { code: 'CONFIG_INVALID' })
})
