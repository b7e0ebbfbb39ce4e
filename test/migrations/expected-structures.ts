import { join } from 'node:path'
import t from 'tap'
import { Failure } from '../../src/failure.ts'
import { expectedStructures } from '../../src/migrations/expected-structures.ts'
import { readHubStructure } from '../../src/migrations/hub-structure.ts'
import { readMigrations } from '../../src/migrations/known.ts'
import { loadMigrations } from '../../src/migrations/load.ts'
import { makeMigrated } from '../help/migrated.ts'
import { root } from '../help/program.ts'

const signal = new AbortController().signal
const load = (folder: string) => loadMigrations(readMigrations(folder))

t.test('there is one for each migration, and the last is what the program makes of a file', async t => {
  const structures = await expectedStructures(await load(join(root, 'migrations')), '1.0.0', signal)
  t.strictSame(
    structures.map(({ tables }) => tables.map(({ name, columns }) => `${name} ${columns.length}`)),
    [['servers 13'], ['metrics 16', 'servers 13'], ['metrics 16', 'servers 14']],
  )
  const { connection } = await makeMigrated(t)
  t.strictSame(structures.at(-1), readHubStructure(connection))
})

t.test('without migrations there are none', async t => {
  t.strictSame(await expectedStructures([], '1.0.0', signal), [])
})

t.test('a migration that fails on an empty database is named', async t => {
  const folder = t.testdir({
    '0001-a.js': "export const up = ({ context }) => context.sequelize.query('CREATE TABLE a (x)')",
    '0002-b.js': "export const up = async () => { throw new Error('out of luck') }",
  })
  await t.rejects(expectedStructures(await load(folder), '1.0.0', signal), {
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
  t.match(await expectedStructures(await load(folder), '1.0.0', signal), [{ tables: [{ name: 'a' }] }])
})

t.test('a signal stops it with its reason', async t => {
  const reason = new Failure('SIGTERM', 'stopped', 'x')
  await t.rejects(expectedStructures(await load(join(root, 'migrations')), '1.0.0', AbortSignal.abort(reason)), {
    code: 'SIGTERM',
  })
})
