import Database from 'better-sqlite3'
import t from 'tap'
import { touched } from '../../src/migrations/touched.ts'

const connection = new Database(':memory:')
t.teardown(() => connection.close())
connection.exec(
  'CREATE TABLE a (x, y); CREATE INDEX ax ON a (x); CREATE TABLE b (x, y); CREATE TEMP TABLE c (x); CREATE TABLE auto (id INTEGER PRIMARY KEY AUTOINCREMENT)',
)

for (const [sql, reads, writes] of [
  ['INSERT INTO b SELECT * FROM a', ['a'], ['b']],
  ['INSERT INTO b SELECT x, (SELECT count(*) FROM b) FROM a WHERE x > 1', ['a', 'b'], ['b']],
  ['WITH n AS (SELECT x FROM a) INSERT INTO b (x) SELECT x FROM n', ['a'], ['b']],
  ['REPLACE INTO a SELECT * FROM b', ['b'], ['a']],
  ['UPDATE a SET y = 1 WHERE x = 2', [], ['a']],
  ['UPDATE a SET y = (SELECT max(y) FROM b)', ['b'], ['a']],
  ['CREATE TABLE d AS SELECT * FROM a', ['a'], []],
  ['INSERT INTO c SELECT x FROM a', ['a'], ['temp.c']],
  ['INSERT INTO a (x) SELECT x FROM c', ['temp.c'], ['a']],
  ['INSERT INTO auto SELECT x FROM a', ['a'], ['auto']],
  ['DELETE FROM a', [], []],
  ['ALTER TABLE a ADD COLUMN z', [], []],
  ['INSERT INTO none VALUES (1)', [], []],
] as const) {
  t.test(`"${sql}" reads ${reads.join() || 'nothing'} and writes ${writes.join() || 'nothing'}`, async t => {
    t.strictSame(touched(connection, sql), { reads, writes })
  })
}

t.test('nothing of it is run', async t => {
  t.equal(connection.prepare('SELECT count(*) FROM a').pluck().get(), 0)
})
