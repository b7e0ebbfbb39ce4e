import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { refuseConflicts, refuseForeign } from '../../src/migrations/refuse.ts'

const open = (t: Pick<Test, 'teardown'>, sql: string) => {
  const connection = new Database(':memory:')
  t.teardown(() => connection.close())
  connection.exec(sql)
  return connection
}
const conflict = (code: 'HISTORY_CONFLICT' | 'DATABASE_AHEAD' | 'OUT_OF_ORDER', name: string) => ({
  code,
  name,
  finding: 'is wrong',
  hint: `Mend ${code}.`,
})

t.test('a database with tables and no history is refused, by the path it is known under', async t => {
  t.throws(() => refuseForeign(open(t, 'CREATE TABLE a (x)'), '/v/x.db'), {
    code: 'HISTORY_CONFLICT',
    message: /^\/v\/x\.db was made by another program: it has a table a/,
  })
  refuseForeign(open(t, ''), '/v/x.db')
  refuseForeign(open(t, 'CREATE TABLE a (x); CREATE TABLE SequelizeMeta (name)'), '/v/x.db')
})

t.test('all conflicts are told at once, under the first code, each hint once', async t => {
  const conflicts = [
    conflict('OUT_OF_ORDER', '0001-a'),
    conflict('DATABASE_AHEAD', '0009-z'),
    conflict('OUT_OF_ORDER', '0002-b'),
  ]
  t.throws(() => refuseConflicts(conflicts, '/v/x.db'), {
    code: 'DATABASE_AHEAD',
    message: '/v/x.db and its migrations disagree: 0001-a is wrong; 0009-z is wrong; 0002-b is wrong',
    hint: 'Mend OUT_OF_ORDER. Mend DATABASE_AHEAD.',
  })
  refuseConflicts([], '/v/x.db')
})
