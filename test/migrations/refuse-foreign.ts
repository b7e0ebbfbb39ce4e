import Database from 'better-sqlite3'
import t from 'tap'
import { prepareHistory } from '../../src/migrations/history.ts'
import { findForeign, refuseForeign } from '../../src/migrations/refuse-foreign.ts'

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
  t.test(`${title} is not refused here`, async t => {
    const connection = open(t, sql)
    t.equal(findForeign(connection), undefined)
    t.doesNotThrow(() => refuseForeign(connection))
  })
}

for (const [title, sql] of [
  ['a table without history', 'CREATE TABLE a (x)'],
  ["a table beside an empty history of another tool's", `${sequelizeMeta} CREATE TABLE a (x)`],
] as const) {
  t.test(`${title} is refused, by its name`, async t => {
    const connection = open(t, sql)
    t.equal(findForeign(connection), 'a')
    t.throws(() => refuseForeign(connection), { code: 'HISTORY_CONFLICT', message: /table a/, hint: /adopt/ })
  })
}

t.test('a table of a person beside our history, with everything taken back, is not refused', async t => {
  const connection = open(t, 'CREATE TABLE a (x)')
  prepareHistory(connection, [])
  t.equal(findForeign(connection), undefined)
})
