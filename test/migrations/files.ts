import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isMigrationName, readMigrationTexts } from '../../src/migrations/files.ts'
import { root } from '../help/program.ts'

t.test('migrations come by name, whatever their extension', async t => {
  const folder = t.testdir({ '0002-b.js': '', '0001-create-a.ts': '', '0003-c.mjs': '' })
  t.strictSame(
    readMigrationTexts(folder).map(({ name }) => name),
    ['0001-create-a', '0002-b', '0003-c'],
  )
})

t.test('the text does not depend on line endings', async t => {
  t.match(readMigrationTexts(t.testdir({ '0001-a.ts': 'one\r\ntwo\r\n' })), [{ text: 'one\ntwo\n' }])
})

t.test("the golden schema and dot files are no migrations, and the image's own folder is sound", async t => {
  t.equal(readMigrationTexts(t.testdir({ '0001-a.ts': '', 'schema.sql': '', '..data': '' })).length, 1)
  t.equal(readMigrationTexts(join(root, 'migrations')).length, 3)
})

for (const name of [
  '1-a.ts',
  '0001.ts',
  '0001-A.ts',
  '0001_a.ts',
  '0001-a.sql',
  '0001-a.d.ts',
  'README.md',
  '0001-a.ts~',
]) {
  t.test(`a file called ${name} is refused`, async t => {
    const folder = t.testdir({ '0001-a.ts': '', [name]: '' })
    t.throws(() => readMigrationTexts(folder), { code: 'CONFIG_INVALID', message: new RegExp(name) })
  })
}

t.test('an empty folder is refused: that image is broken', async t => {
  t.throws(() => readMigrationTexts(t.testdir({ 'schema.sql': '' })), { code: 'CONFIG_INVALID' })
})

t.test('a folder that is not there is refused', async t => {
  t.throws(() => readMigrationTexts(join(t.testdir(), 'none')), { code: 'CONFIG_INVALID' })
})

t.test('a migration that cannot be read is refused', async t => {
  const folder = t.testdir()
  mkdirSync(join(folder, '0001-a.ts'))
  t.throws(() => readMigrationTexts(folder), { code: 'CONFIG_INVALID' })
})

t.test('a name of a migration is one that its file can have', async t => {
  for (const name of ['0001-a', '0001-create-a2']) t.equal(isMigrationName(name), true, name)
  for (const name of ['0001', '0001-a.js', '20260118185800-create-servers', '0001-createServers', ''])
    t.equal(isMigrationName(name), false, name)
})
