import { join } from 'node:path'
import t from 'tap'
import { openDatabase } from '../../src/database/open.ts'
import { prepareHistory } from '../../src/migrations/history.ts'
import { seenOf } from '../../src/ready/seen.ts'

const texts = [{ name: '0001-a', file: '/m/0001-a.ts', text: 'one' }]
const told = { schema: '0001-a', migrations: 1, database: 'x.db', fingerprint: 'sha256:1', version: '1.0.0' }

const open = (t: { testdir: () => string; teardown: (work: () => void) => void }) => {
  const connection = openDatabase(join(t.testdir(), 'x.db'))
  t.teardown(() => connection.close())
  connection.exec('CREATE TABLE a (x)')
  prepareHistory(connection, [])
  return connection
}

t.test('it stays while nothing changes, also when rows come', async t => {
  const connection = open(t)
  const before = seenOf(connection, texts, told)
  connection.exec('INSERT INTO a VALUES (1)')
  t.equal(seenOf(connection, texts, told), before)
  t.match(before, /^\d+-[0-9a-f]{1,8}$/)
})

for (const [title, sql, otherTexts, otherTold] of [
  ['the schema', 'CREATE INDEX i ON a (x)', {}, {}],
  ['the history', "INSERT INTO SequelizeMeta (name) VALUES ('0001-a')", {}, {}],
  ["a migration's text", '', { text: 'two' }, {}],
  ["a migration's name", '', { name: '0001-b' }, {}],
  ['the marker', '', {}, { schema: '0001-b' }],
  ['the version', '', {}, { version: '1.0.1' }],
] as const) {
  t.test(`it changes with ${title}`, async t => {
    const connection = open(t)
    const before = seenOf(connection, texts, told)
    connection.exec(sql)
    const after = seenOf(
      connection,
      texts.map(text => ({ ...text, ...otherTexts })),
      { ...told, ...otherTold },
    )
    t.not(after, before)
  })
}

t.test('it changes when the file is another one by name', async t => {
  const connection = open(t)
  const other = openDatabase(join(t.testdir({}), 'y.db'))
  other.exec('CREATE TABLE a (x)')
  prepareHistory(other, [])
  t.not(seenOf(other, texts, told), seenOf(connection, texts, told))
  other.close()
})
