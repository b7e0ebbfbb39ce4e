import Database from 'better-sqlite3'
import t from 'tap'
import { originText, readOrigin } from '../../src/migrations/origin.ts'

const read = (sql: string, hasForeignRows = false) => {
  const connection = new Database(':memory:')
  try {
    connection.exec(sql)
    return readOrigin(connection, 'x.db', hasForeignRows)
  } finally {
    connection.close()
  }
}
const alembic = 'CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);'

t.test('each tool is known by its records', async t => {
  t.strictSame(read(''), { tool: 'another tool', revision: null })
  t.strictSame(read('', true), { tool: 'sequelize-cli', revision: null })
  t.strictSame(read(`${alembic} INSERT INTO alembic_version VALUES ('2e6e20f4bc94')`), {
    tool: 'Alembic',
    revision: '2e6e20f4bc94',
  })
  t.strictSame(read('CREATE TABLE alembic_version (mine)'), { tool: 'another tool', revision: null })
})

for (const [title, rows, said] of [
  ['another revision', "INSERT INTO alembic_version VALUES ('0123456789ab')", /0123456789ab/],
  ['none', '', /none/],
  [
    'several',
    "INSERT INTO alembic_version VALUES ('2e6e20f4bc94'), ('0123456789ab')",
    /0123456789ab, 2e6e20f4bc94|2e6e20f4bc94, 0123456789ab/,
  ],
] as const) {
  t.test(`Alembic at ${title} is refused`, async t => {
    t.throws(() => read(`${alembic} ${rows}`), { code: 'HISTORY_CONFLICT', message: said, hint: /2e6e20f4bc94/ })
  })
}

t.test('it is told in a few words', async t => {
  t.equal(originText({ tool: 'Alembic', revision: '1' }), 'Alembic 1')
  t.equal(originText({ tool: 'sequelize-cli', revision: null }), 'sequelize-cli')
})
