import Database from 'better-sqlite3'
import t from 'tap'
import { findForeign } from '../../src/migrations/find-foreign.ts'
import { prepareHistory } from '../../src/migrations/history.ts'

const open = (t: { teardown: (work: () => void) => void }, sql = '') => {
  const connection = new Database(':memory:')
  t.teardown(() => connection.close())
  connection.exec(sql)
  return connection
}
const sequelizeMeta = 'CREATE TABLE SequelizeMeta (name VARCHAR(255) NOT NULL UNIQUE PRIMARY KEY);'

for (const [title, sql] of [
  ['an empty database', ''],
  ['a view alone', 'CREATE VIEW v AS SELECT 1'],
  ["an empty history of another tool's alone", sequelizeMeta],
  [
    'a history that another tool wrote',
    `${sequelizeMeta} INSERT INTO SequelizeMeta VALUES ('0001-a.js'); CREATE TABLE a (x)`,
  ],
] as const) {
  t.test(`${title} is no conflict`, async t => {
    t.strictSame(findForeign(open(t, sql)), [])
  })
}

for (const [title, sql] of [
  ['a table without history', 'CREATE TABLE a (x)'],
  ["a table beside an empty history of another tool's", `${sequelizeMeta} CREATE TABLE a (x)`],
] as const) {
  t.test(`${title} is a conflict, by its name`, async t => {
    t.match(findForeign(open(t, sql)), [{ code: 'HISTORY_CONFLICT', name: 'table a', hint: /adopt/ }])
  })
}

t.test('a table of a person beside our history, with everything taken back, is none', async t => {
  const connection = open(t, 'CREATE TABLE a (x)')
  prepareHistory(connection, [])
  t.strictSame(findForeign(connection), [])
})
