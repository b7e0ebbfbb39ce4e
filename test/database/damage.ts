import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { hasLeftovers, refuseDamage } from '../../src/database/damage.ts'
import { openDatabase } from '../../src/database/open.ts'

t.test('a sound database is accepted by both checks', async t => {
  const connection = openDatabase(join(t.testdir(), 'x.db'))
  connection.exec('CREATE TABLE a (x)')
  refuseDamage(connection, 'quick_check', '/v/x.db')
  refuseDamage(connection, 'integrity_check', '/v/x.db')
  connection.close()
})

t.test('a database that breaks its own rules is refused, with the findings', async t => {
  const file = join(t.testdir(), 'x.db')
  const connection = openDatabase(file)
  connection.unsafeMode(true)
  connection.exec(`
    CREATE TABLE a (x); INSERT INTO a VALUES (NULL);
    PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE TABLE a (x NOT NULL)'`)
  connection.close()
  const broken = openDatabase(file)
  t.throws(() => refuseDamage(broken, 'quick_check', '/v/x.db'), {
    code: 'DATABASE_DAMAGED',
    message: /^\/v\/x\.db.*NULL value in a\.x/,
  })
  broken.close()
})

t.test('a journal or WAL with content is a leftover, an empty one is not', async t => {
  const folder = t.testdir({ 'x.db': '' })
  const file = join(folder, 'x.db')
  t.equal(hasLeftovers(file), false)
  writeFileSync(`${file}-wal`, '')
  t.equal(hasLeftovers(file), false)
  writeFileSync(`${file}-wal`, 'x')
  t.equal(hasLeftovers(file), true)
})
