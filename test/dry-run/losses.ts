/** test/dry-run/revert.ts has the cases, by `down` of a migration. */
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { countValues, lostValues, sumValues, watchDropped } from '../../src/dry-run/losses.ts'
import { afterOf, createRecorder } from '../../src/dry-run/record.ts'
import { noResult } from '../../src/engine.ts'
import { readSchema } from '../../src/sqlite/schema/read.ts'

const columns = 'id INTEGER PRIMARY KEY, "x y" TEXT, twice AS (id * 2)'

/** What changed by statements, of which those that `isSeen` are told before they run. */
const changedBy = (t: Pick<Test, 'teardown'>, statements: readonly string[], isSeen = true) => {
  const connection = new Database(':memory:')
  t.teardown(() => connection.close())
  connection.exec(`CREATE TABLE "a.b" (${columns}); INSERT INTO "a.b" VALUES (1, 'x'), (2, NULL), (3, 'y')`)
  const { around, record } = createRecorder(connection, () => false)
  const recording = record()
  const values = countValues(connection, recording.before)
  const { beforeStatement, changed } = watchDropped(connection)
  for (const sql of statements) {
    if (isSeen) beforeStatement(sql, recording)
    around({ sql, bound: [] }, () => {
      connection.exec(sql)
      return { ...noResult, sql }
    })
  }
  return changed(recording, values)
}
const rebuild = (select: string) => [
  `CREATE TABLE n (${columns})`,
  `INSERT INTO n SELECT ${select} FROM "a.b"`,
  'DROP TABLE "main"."a.b";',
  'ALTER TABLE n RENAME TO "a.b"',
]

t.test('a column that a rebuild fills otherwise is told, with how many values it had', async t => {
  t.strictSame(changedBy(t, rebuild(`id, upper("x y")`)), [
    { of: 'a.b.x y', number: 2, text: 'a.b.x y had 2 values and has different ones after it' },
  ])
})

t.test('what is as it was is not told, nor a table that is no other one', async t => {
  t.strictSame(changedBy(t, rebuild('id, "x y"')), [])
  t.strictSame(changedBy(t, ['ALTER TABLE "a.b" RENAME TO c', 'UPDATE c SET "x y" = 7', 'DROP TABLE c']), [])
})

t.test('where it was not seen what a table held, all of it is told', async t => {
  t.match(changedBy(t, rebuild('id, "x y"'), false), [{ of: 'a.b.id', number: 3 }, { of: 'a.b.x y' }])
})

t.test('what is NULL or computed is no value, and a virtual table tells none', async t => {
  const connection = new Database(':memory:')
  connection.exec(`CREATE TABLE a (id INTEGER PRIMARY KEY, "o""d'd" TEXT, twice AS (id * 2));
    INSERT INTO a VALUES (1, 'x'), (2, NULL), (3, ''); CREATE TABLE b (x); CREATE VIRTUAL TABLE words USING fts5(x)`)
  t.strictSame(countValues(connection, readSchema(connection)), [
    { table: 'a', column: 'id', number: 3 },
    { table: 'a', column: `o"d'd`, number: 2 },
    { table: 'b', column: 'x', number: 0 },
  ])
  connection.close()
})

/** What statements lose of a table with two values in x and one in y, in sentences. */
const lostBy = (t: Pick<Test, 'teardown'>, statements: readonly string[], gone = 0) => {
  const connection = new Database(':memory:')
  t.teardown(() => connection.close())
  connection.exec("CREATE TABLE a (x, y); INSERT INTO a VALUES ('x', 'y'), ('x', NULL)")
  const { around, record } = createRecorder(connection, () => false)
  const recording = record()
  const before = countValues(connection, recording.before)
  for (const sql of statements)
    around({ sql, bound: [] }, () => {
      connection.exec(sql)
      return { ...noResult, sql }
    })
  const after = countValues(connection, afterOf(recording))
  return lostValues(recording, before, after, () => gone).map(({ of, number, text }) => `${of} ${number}: ${text}`)
}

for (const [title, statements, gone, expected] of [
  ['values that are made NULL', ['UPDATE a SET x = NULL'], 0, ['a.x 2: a.x had 2 values and has 0 after it']],
  ['a column that goes', ['ALTER TABLE a DROP COLUMN y'], 0, ['a.y 1: a.y had 1 value and has 0 after it']],
  [
    'values under other names are the same',
    ['ALTER TABLE a RENAME TO b', 'ALTER TABLE b RENAME COLUMN x TO z', 'UPDATE b SET y = NULL'],
    0,
    ['a.y 1: a.y had 1 value and has 0 after it'],
  ],
  ['values that go with their rows', ['DELETE FROM a WHERE y IS NULL'], 1, []],
  [
    'a table in whose place is another one, with rows of its own',
    ['DROP TABLE a', 'CREATE TABLE a (x, y)', 'INSERT INTO a VALUES (1, 2), (3, 4)'],
    0,
    ['a.x 2: a.x had 2 values and has 0 after it', 'a.y 1: a.y had 1 value and has 0 after it'],
  ],
  ['a table that goes with its rows', ['DROP TABLE a'], 2, []],
  ['what comes is no loss', ["UPDATE a SET y = 'y'", 'ALTER TABLE a ADD COLUMN z'], 0, []],
] as const)
  t.test(title, async t => t.strictSame(lostBy(t, statements, gone), expected))

/** The sum of x, of a table that holds values. */
const sumOf = (values: string, type = '', key: readonly string[] = ['id']) => {
  const connection = new Database(':memory:')
  connection.exec(`CREATE TABLE "o""d" (id, "x""y" ${type}); INSERT INTO "o""d" VALUES ${values}`)
  const sum = sumValues(connection, 'o"d', key, ['x"y']).get('x"y')
  connection.close()
  return sum
}
const two = "(1, 'a'), (2, 'b')"

t.test('the same values have the same sum, in whatever order, also where the key is of another type', async t => {
  t.equal(sumOf("(2, 'b'), (1, 'a')"), sumOf(two))
  t.equal(sumOf("('1', 'a'), ('2', 'b')"), sumOf(two))
  t.type(sumOf(two), 'number')
})

for (const [title, other] of [
  ['another value', "(1, 'a'), (2, 'c')"],
  ['values that changed places', "(1, 'b'), (2, 'a')"],
  ['another type', "(1, 'a'), (2, x'62')"],
  ['a row more', `${two}, (3, NULL)`],
  ['a row less', "(1, 'a')"],
  ['NULL', "(1, 'a'), (2, NULL)"],
] as const)
  t.test(`another sum has ${title}`, async t => t.not(sumOf(other), sumOf(two)))

t.test('no two of many pairs that changed places are alike', async t => {
  const pair = (one: number, other: number) => sumOf(`(1, ${one}), (2, ${other})`)
  for (let number = 1; number < 300; number += 1) t.not(pair(number, number + 1), pair(number + 1, number))
})

t.test('a number that an affinity made of a text is another value', async t => {
  t.not(sumOf("(1, '007')", 'INTEGER'), sumOf("(1, '007')", 'TEXT'))
  t.not(sumOf("(1, '7')", 'INTEGER'), sumOf("(1, '7')", 'TEXT'))
})

t.test('without a key it is the values alone', async t => {
  t.equal(sumOf("(3, 'a'), (4, 'b')", '', []), sumOf(two, '', []))
  t.not(sumOf("(1, 'a'), (2, 'c')", '', []), sumOf(two, '', []))
})
