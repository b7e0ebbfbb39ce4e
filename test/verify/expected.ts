import Database from 'better-sqlite3'
import t from 'tap'
import { runPlain } from '../../src/engine.ts'
import { Failure } from '../../src/failure.ts'
import { readMigrationFiles } from '../../src/migrations/files.ts'
import { loadMigrations } from '../../src/migrations/load.ts'
import { readAppSchema, readSchema } from '../../src/sqlite/schema/read.ts'
import { migratableOn } from '../../src/sqlite/transaction.ts'
import { expectedSchemas, sqliteComparison } from '../../src/verify/expected.ts'
import { matchPrefix } from '../../src/verify/match.ts'
import { runAll } from '../../src/verify/run-all.ts'
import { firstThree } from '../help/first-three.ts'
import { makeMigrated } from '../help/migrated.ts'

const signal = new AbortController().signal
const load = (folder: string) => loadMigrations(readMigrationFiles(folder), new AbortController().signal)

t.test('there is one for each migration, and the last is what the program makes of a file', async t => {
  const structures = await expectedSchemas(await load(firstThree), '1.0.0', signal)
  t.strictSame(
    structures.map(({ tables }) => tables.map(({ name, columns }) => `${name} ${columns.length}`)),
    [['servers 13'], ['metrics 16', 'servers 13'], ['metrics 16', 'servers 14']],
  )
  const { connection } = await makeMigrated(t)
  t.strictSame(structures.at(-1), readAppSchema(connection))
})

t.test('without migrations there are none', async t => {
  t.strictSame(await expectedSchemas([], '1.0.0', signal), [])
})

t.test('a migration that fails on an empty database is named', async t => {
  const folder = t.testdir({
    '0001-a.js': "export const up = ({ context }) => context.sequelize.query('CREATE TABLE a (x)')",
    '0002-b.js': "export const up = async () => { throw new Error('out of luck') }",
  })
  await t.rejects(expectedSchemas(await load(folder), '1.0.0', signal), {
    code: 'MIGRATION_FAILED',
    message: /0002-b.*out of luck/,
  })
})

t.test('a migration may fill rows of its own, as it would in a file', async t => {
  const folder = t.testdir({
    '0001-a.js': `export const up = async ({ context }) => {
      await context.sequelize.query('CREATE TABLE a (x)')
      await context.sequelize.query('INSERT INTO a VALUES (1), (2)')
      await context.backfill('UPDATE a SET x = 3 WHERE rowid BETWEEN $first AND $last', { table: 'a', batch: 1 })
    }`,
  })
  t.match(await expectedSchemas(await load(folder), '1.0.0', signal), [{ tables: [{ name: 'a' }] }])
})

t.test('a signal stops it with its reason', async t => {
  const reason = new Failure('SIGTERM', 'stopped', 'x')
  await t.rejects(expectedSchemas(await load(firstThree), '1.0.0', AbortSignal.abort(reason)), {
    code: 'SIGTERM',
  })
})

t.test("an error of the database itself is no migration's", async t => {
  const connection = new Database(':memory:')
  connection.close()
  const options = { version: '1.0.0', signal, hook: runPlain, afterEach: () => undefined }
  const run = async () => runAll(migratableOn(connection), await load(firstThree), options)
  await t.rejects(run(), { name: 'TypeError', message: 'The database connection is not open' })
})

/** Each step is what one migration does, on top of those before it. */
const structuresOf = (steps: readonly string[]) => {
  const connection = new Database(':memory:')
  const structures = steps.map(sql => {
    connection.exec(sql)
    return readSchema(connection)
  })
  connection.close()
  return structures
}
/** What a database that was made by `found` matches: how many migrations, and which differences are left. */
const match = (steps: readonly string[], found: string, least = 0) => {
  const [structure] = structuresOf([found])
  if (structure === undefined) throw new Error('unreachable')
  const { length, findings } = matchPrefix(structuresOf(steps), structure, least, sqliteComparison)
  const differences = findings.filter(({ weight }) => weight === 'difference')
  return [length, ...differences.map(({ object, what }) => `${object} ${what}`)]
}

const both = 'CREATE TABLE d (x); CREATE TABLE e (y);'
const [a, b, c] = ['CREATE TABLE a (x);', 'CREATE TABLE b (y); CREATE INDEX i ON b (y);', 'ALTER TABLE a ADD COLUMN z;']

for (const [title, steps, found, expected] of [
  ['the first alone', [a, b, c], a, [1]],
  ['a prefix', [a, b, c], a + b, [2]],
  ['all of them', [a, b, c], a + b + c, [3]],
  ['tables of its own are no hindrance', [a, b, c], `${a + b} CREATE TABLE more (x); CREATE INDEX j ON a (x)`, [2]],
  ['a migration that changes rows alone has not been run', [a, 'INSERT INTO a VALUES (1)', b], a, [1]],
  ['nor one at the end', [a, b, 'DELETE FROM a'], a + b, [2]],
  [
    'an index in the form that a later migration makes is no hindrance',
    [a, c, 'CREATE INDEX j ON a (x)'],
    `${a} CREATE INDEX J ON a (X)`,
    [1],
  ],
  ['all tables that a later migration makes, in the same form, are no hindrance', [a, b, both], a + both, [1]],
  ['what a migration takes away is there before it', [a, b, 'DROP INDEX i'], a + b, [2]],
  ['and not after it', [a, b, 'DROP INDEX i'], 'CREATE TABLE a (x); CREATE TABLE b (y)', [3]],
] as const) {
  t.test(`${title}`, async t => t.strictSame(match(steps, found), expected))
}

for (const [title, steps, found, expected] of [
  ['a missing column', [a, b, c], 'CREATE TABLE a (w)', [1, 'column a.x missing', 'column a.w extra']],
  [
    'what a later migration makes is in its place, other than it makes it',
    [a, b, c],
    `${a} CREATE TABLE b (other)`,
    [2, 'column b.y missing', 'column b.other extra', 'index i on b missing'],
  ],
  [
    'an index that a later migration makes',
    [a, 'CREATE INDEX i ON a (x)', c],
    `${a} CREATE INDEX i ON a (x) WHERE x`,
    [2, 'index i on a definition'],
  ],
  [
    'a table that is made anew later, with an index',
    [`${a} INSERT INTO a VALUES (1)`, 'DROP TABLE a', `${a} CREATE INDEX i ON a (x)`],
    `${a} CREATE INDEX i ON a (x DESC)`,
    [3, 'index i on a definition'],
  ],
  ['one of the tables that a later migration makes', [a, b, both], `${a} CREATE TABLE d (x)`, [1, 'table d extra']],
  ['nothing of it', [a, b], 'CREATE TABLE other (x)', [1, 'table a missing']],
] as const) {
  t.test(`without a match there is the nearest: ${title}`, async t => t.strictSame(match(steps, found), expected))
}

t.test('never fewer than those that are applied for certain', async t => {
  t.strictSame(match([a, b, c], a, 2), [2, 'table b missing'])
  t.strictSame(match([a, 'INSERT INTO a VALUES (1)'], a, 2), [2])
})
