import { deepStrictEqual as deepEqual } from 'node:assert'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import t from 'tap'
import { attempt } from '../../src/failure.ts'
import type { Connection } from '../../src/sqlite/connect.ts'
import { statementsOf } from '../../src/sqlite/statements.ts'

const sqlOf = (text: string) => statementsOf(text).map(({ sql }) => sql)

const run = (connection: Connection, sql: string): void => {
  const statement = connection.prepare(sql)
  if (statement.reader) statement.all()
  else statement.run()
}

/** What a text leaves in an empty database, and whether it failed. */
const outcomeOf = (work: (connection: Connection) => void) => {
  const connection = new Database(':memory:')
  try {
    const outcome = attempt(() => work(connection))
    const failed = 'error' in outcome
    const schema = connection.prepare<[], { name: string; type: string }>('SELECT * FROM sqlite_schema').all()
    const tables = schema.filter(({ type }) => type === 'table').map(({ name }) => name)
    return { failed, schema, rows: tables.map(name => connection.prepare(`SELECT * FROM "${name}"`).all()) }
  } finally {
    connection.close()
  }
}

const spaces = fc.constantFrom(' ', '\n', '\t', ' -- it; is END;\n', ' /* ; */ ', "/* don't */", '--\n', '\n-- "\n')
const values = fc.constantFrom(
  "'a;b'",
  "'it''s; END;'",
  '";"',
  '[;]',
  '`;`',
  "x'3b'",
  '1',
  "'CREATE TRIGGER'",
  'NULL',
  "'--'",
)
const whole = fc.oneof(
  fc.constantFrom('CREATE TABLE IF NOT EXISTS "t;" (a, "end")', 'SELECT 1', 'BEGIN', 'COMMIT', 'SAVEPOINT "end;"'),
  values.map(value => `INSERT INTO t VALUES (${value}, 'x')`),
  values.map(value => `SELECT CASE ${value} WHEN 1 THEN 2 END`),
  fc.tuple(fc.constantFrom('', 'TEMP ', 'TEMPORARY '), spaces, values).map(
    ([temp, space, value]) =>
      `CREATE ${temp}TRIGGER${space}IF NOT EXISTS after_t AFTER INSERT ON t BEGIN UPDATE t SET b =${space}${value};${space}
         SELECT CASE 1 WHEN 1 THEN 2 END; END`,
  ),
  fc.constant('EXPLAIN QUERY PLAN CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END'),
)
const broken = fc.constantFrom(
  ...['create', 'TEMP', 'TRIGGER', 'END', 'EXPLAIN', 'QUERY PLAN', 'BEGIN', "'", '"', '/*', '$a', '\ufeff', '; END;'],
)
const phrases = fc.oneof({ weight: 12, arbitrary: whole }, { weight: 1, arbitrary: broken })
/** Statements, and words of statements that are cut off. */
const texts = fc
  .array(fc.tuple(phrases, spaces, fc.constantFrom(';', ';', ';', ';', '; ;', '')), { maxLength: 12 })
  .map(parts => `CREATE TABLE t (a, b);${parts.flat().join('')}`)

t.test('a text in pieces does what SQLite does with the whole of it, wherever it fails', async () => {
  fc.assert(
    fc.property(texts, text => {
      const expected = outcomeOf(connection => connection.exec(text))
      const pieces = outcomeOf(connection => {
        for (const sql of sqlOf(text)) run(connection, sql)
      })
      deepEqual(pieces, expected)
    }),
    { numRuns: 200 },
  )
})

t.test('a trigger is one statement, whatever its body says', async t => {
  const trigger = `CREATE TEMP TRIGGER "a;b" AFTER INSERT ON t BEGIN
    INSERT INTO log VALUES ('x; END;'); -- END;
    SELECT CASE WHEN new.a = 1 THEN 'END' END;
  END`
  t.strictSame(sqlOf(`${trigger};\nSELECT 1`), [trigger, 'SELECT 1'])
})

t.test('each statement has its place, without the comments before it', async t => {
  t.strictSame(statementsOf('-- one\nSELECT 1; SELECT\n  2;\n\n/* two\n*/  SELECT 3'), [
    { sql: 'SELECT 1', line: 2, column: 1 },
    { sql: 'SELECT\n  2', line: 2, column: 11 },
    { sql: 'SELECT 3', line: 6, column: 5 },
  ])
})

for (const [title, text] of [
  ['nothing', ''],
  ['comments', '-- a;\n/* b; */'],
  ['semicolons', ';; ;'],
] as const)
  t.test(`a text of ${title} has no statement`, async t => t.strictSame(sqlOf(text), []))
