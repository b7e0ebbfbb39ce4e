import { truncateSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { checkDatabase, inspectByHelper, refuseDamage } from '../../src/database/check-database.ts'
import { makeHelper } from '../help/helper.ts'

const make = (folder: string): string => {
  const file = join(folder, 'x.db')
  const connection = new Database(file)
  connection.exec(`CREATE TABLE a (x);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 600000) INSERT INTO a SELECT hex(randomblob(20)) FROM n`)
  connection.close()
  return file
}

t.test('a sound database passes, and how far the check is is told in bytes of its size', async t => {
  const file = make(t.testdir())
  const told: [string, number, number][] = []
  const helper = makeHelper({ onProgress: (...progress) => told.push(progress) })
  await t.resolves(checkDatabase(file, 'integrity_check', helper))
  t.ok(told.length > 0)
  for (const [what, done, total] of told) t.ok(what === 'checking' && done <= total, `${done} of ${total}`)
  t.strictSame(await inspectByHelper(file, 'quick_check', helper), {
    findings: [],
    rows: [{ name: 'a', rows: 600_000 }],
  })
})

t.test('a damaged one is refused, with what was found', async t => {
  const file = make(t.testdir())
  truncateSync(file, 8192)
  await t.rejects(checkDatabase(file, 'quick_check', makeHelper()), { code: 'DATABASE_DAMAGED', message: /malformed/ })
})

t.test('findings are a refusal, none are not', async t => {
  refuseDamage('x.db', { findings: [], rows: [] })
  t.throws(() => refuseDamage('x.db', { findings: ['a', 'b'], rows: [] }), {
    code: 'DATABASE_DAMAGED',
    message: 'x.db is damaged: a; b',
  })
})
