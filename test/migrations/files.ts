import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { digest, isMigrationName, readMigrationFiles } from '../../src/migrations/files.ts'
import { firstThree } from '../help/first-three.ts'
import { asOther, notRoot } from '../help/user.ts'

t.test('it is the SHA-256 of the text in UTF-8, and says so', async t => {
  t.equal(digest(''), 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  t.equal(digest('ü'), 'sha256:607474ca475a9724d7360aba71a56d5df77e61350e3f724cfa1f46e857e2d85f')
})

t.test('migrations come by name, whatever their extension', async t => {
  const folder = t.testdir({ '0002-b.js': '', '0001-create-a.ts': '', '0003-c.mjs': '' })
  t.strictSame(
    readMigrationFiles(folder).map(({ name }) => name),
    ['0001-create-a', '0002-b', '0003-c'],
  )
})

t.test('a file that this user may not read is refused by name', { skip: notRoot }, async t => {
  const folder = t.testdir({ '0001-a.ts': '' })
  chmodSync(join(folder, '0001-a.ts'), 0o600)
  await asOther(() =>
    t.throws(() => readMigrationFiles(folder), { code: 'CONFIG_INVALID', message: /0001-a\.ts cannot be read/ }),
  )
})

t.test('the text does not depend on line endings', async t => {
  t.match(readMigrationFiles(t.testdir({ '0001-a.ts': 'one\r\ntwo\r\n' })), [{ text: 'one\ntwo\n' }])
})

t.test('data and helpers of migrations are none', async t => {
  const beside = { '0001-a.json': '', 'rooms.csv': '', '_names.ts': '', _old: {}, 'package.json': '' }
  t.equal(readMigrationFiles(t.testdir({ '0001-a.ts': '', ...beside })).length, 1)
})

t.test("the golden schema and dot files are no migrations, and the image's own folder is sound", async t => {
  t.equal(readMigrationFiles(t.testdir({ '0001-a.ts': '', 'schema.sql': '', '..data': '' })).length, 1)
  t.equal(readMigrationFiles(firstThree).length, 3)
})

for (const name of [
  '1-a.ts',
  '0001.ts',
  '0001-A.ts',
  '0001_a.ts',
  '0001-a.SQL',
  '0001-a.d.ts',
  'README.md',
  '0001-a.ts~',
]) {
  t.test(`a file called ${name} is refused`, async t => {
    const folder = t.testdir({ '0001-a.ts': '', [name]: '' })
    t.throws(() => readMigrationFiles(folder), { code: 'CONFIG_INVALID', message: new RegExp(name) })
  })
}

t.test('an empty folder is refused: that image is broken', async t => {
  t.throws(() => readMigrationFiles(t.testdir({ 'schema.sql': '' })), { code: 'CONFIG_INVALID' })
})

t.test('a folder that is not there is refused', async t => {
  t.throws(() => readMigrationFiles(join(t.testdir(), 'none')), { code: 'CONFIG_INVALID' })
})

t.test('a migration that cannot be read is refused', async t => {
  const folder = t.testdir()
  mkdirSync(join(folder, '0001-a.ts'))
  t.throws(() => readMigrationFiles(folder), { code: 'CONFIG_INVALID' })
})

t.test('a name of a migration is one that its file can have', async t => {
  for (const name of ['0001-a', '0001-create-a2', '20260118185800-Create_servers'])
    t.equal(isMigrationName(name), true, name)
  for (const name of ['0001', '0001-a.js', '2026011818580-create-servers', '0001-createServers', ''])
    t.equal(isMigrationName(name), false, name)
})

t.test('what a NAS or a desktop makes in every folder is no migration, and a pipe is not waited for', async t => {
  const others = { '@eaDir': {}, '#recycle': {}, 'lost+found': {}, 'Thumbs.db': '', 'desktop.ini': '' }
  const folder = t.testdir({ '0001-a.js': '', ...others })
  t.strictSame(
    readMigrationFiles(folder).map(({ name }) => name),
    ['0001-a'],
  )
  execFileSync('mkfifo', [join(folder, '0002-b.js')])
  t.throws(() => readMigrationFiles(folder), { code: 'CONFIG_INVALID', message: /0002-b\.js is not a regular file/ })
})

t.test('the checksum does not depend on line endings', async t => {
  const [unix] = readMigrationFiles(t.testdir({ '0001-a.ts': 'one\ntwo\n' }))
  const [dos] = readMigrationFiles(t.testdir({ '0001-a.ts': 'one\r\ntwo\r\n' }))
  const [other] = readMigrationFiles(t.testdir({ '0001-a.ts': 'one\nthree\n' }))
  t.match(unix, { name: '0001-a', file: /0001-a\.ts$/, checksum: /^sha256:[0-9a-f]{64}$/ })
  t.equal(unix?.checksum, dos?.checksum)
  t.not(unix?.checksum, other?.checksum)
})

t.test('a folder that is none is refused', async t => {
  t.throws(() => readMigrationFiles('/nothing/there'), { code: 'CONFIG_INVALID' })
})

t.test('a text for one engine alone is refused there, and passed over on the other', async t => {
  const folder = t.testdir({ '0001-a.ts': '', '0002-b.postgres.ts': '' })
  t.match(readMigrationFiles(folder), [{ name: '0001-a' }])
  t.throws(() => readMigrationFiles(folder, 'postgres'), {
    code: 'CONFIG_INVALID',
    message: /0002-b\.postgres\.ts/,
    hint: /0002-b\.ts/,
  })
})

t.test('two texts of one migration for one engine are refused on both, by their names', async t => {
  const folder = t.testdir({ '0001-a.ts': '', '0001-a.postgres.sql': '', '0001-a.postgres.ts': '' })
  for (const dialect of ['sqlite', 'postgres'] as const)
    t.throws(() => readMigrationFiles(folder, dialect), {
      code: 'CONFIG_INVALID',
      message: /0001-a\.postgres\.ts and 0001-a\.postgres\.sql/,
    })
})
