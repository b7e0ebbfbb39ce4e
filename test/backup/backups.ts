import { symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { backupFolder, listBackups, listReplaced, replacedPrefix } from '../../src/backup/backups.ts'
import { nextBackupName, schemaWord } from '../../src/backup/make.ts'

t.test('the name of a backup says what it is of, at which schema, and from when', async t => {
  const folder = t.testdir()
  const now = new Date().toISOString().slice(0, 10).replaceAll('-', '')
  t.match(nextBackupName(join(folder, 'homelab.db'), '0002-x', 0), new RegExp(`^homelab--0002-x-${now}T\\d{6}Z\\.db$`))
  t.match(nextBackupName(join(folder, 'homelab.db'), '', 0), /^homelab--empty-\d{8}T\d{6}Z\.db$/)
  t.match(nextBackupName(join(folder, 'homelab.sqlite'), '', 0), /^homelab--empty-\d{8}T\d{6}Z\.sqlite$/)
})

t.test('whatever the history calls a migration, the name is one of a file, and read back', async t => {
  for (const schema of ['20260101-Foo.js', '../../etc/passwd', 'add users', 'é', '\u001b[2J']) {
    const folder = t.testdir({ backups: {} })
    const database = join(folder, 'homelab.db')
    writeFileSync(join(folder, 'backups', nextBackupName(database, schema, 0)), 'x')
    t.match(listBackups(database), [{ schema: schemaWord(schema) }], schema)
  }
  t.equal(schemaWord('0002-x'), '0002-x')
  t.equal(schemaWord('Add Users.js'), '0-add-users-js')
  t.equal(schemaWord('-a--b-'), '0-a-b')
})

t.test('a later one has a later time, whatever the clock says', async t => {
  const folder = t.testdir({ backups: { 'homelab-0001-a-29990101T000000Z.db': 'x' } })
  t.equal(nextBackupName(join(folder, 'homelab.db'), '', 0), 'homelab--empty-29990101T000001Z.db')
})

t.test('a name whose date is none is of no backup: it would always be the newest', async t => {
  const names = ['20269999T000000Z', '20260231T000000Z', '20260101T250000Z']
  const folder = t.testdir({ backups: Object.fromEntries(names.map(name => [`homelab-0001-a-${name}.db`, 'x'])) })
  t.strictSame(listBackups(join(folder, 'homelab.db')), [])
})

t.test('a later one is listed as later, whatever the year', async t => {
  const folder = t.testdir({ backups: { 'homelab-0001-a-99991231T235959Z.db': 'x' } })
  const database = join(folder, 'homelab.db')
  for (const schema of ['0002-b', '0003-c']) {
    writeFileSync(join(folder, 'backups', nextBackupName(database, schema, 0)), 'x')
    t.match(listBackups(database).at(-1), { schema })
  }
})

t.test('what restores replaced is listed, the oldest first, without its journals', async t => {
  const names = ['homelab.db.replaced-20260201T000000Z', 'homelab.db.replaced-20260101T000000Z']
  const folder = t.testdir(Object.fromEntries([...names, `${names[0]}-wal`, 'homelab.db'].map(name => [name, ''])))
  t.strictSame(
    listReplaced(join(folder, 'homelab.db')),
    names.toReversed().map(name => join(folder, name)),
  )
})

t.test('a link that leads nowhere, and a folder, are no backups; what is no folder has none', async t => {
  const folder = t.testdir({ backups: { 'homelab-0001-b-20260201T000000Z.db': {} } })
  symlinkSync('nowhere', join(folder, 'backups/homelab-0001-a-20260201T000000Z.db'))
  t.strictSame(listBackups(join(folder, 'homelab.db')), [])
  t.strictSame(listBackups(join(t.testdir({ backups: '' }), 'homelab.db')), [])
})

t.test('what a restore replaced is called after the database', async t => {
  t.equal(replacedPrefix('/data/homelab.db'), 'homelab.db.replaced-')
})

t.test('backups are listed by their own time, oldest first, whenever the files were written', async t => {
  const names = [
    'homelab-0003-a-20260301T000000Z.db',
    'homelab-empty-20260102T030405Z.db',
    'homelab-0001-b-20260201T000000Z.db',
  ]
  const folder = t.testdir({ backups: Object.fromEntries(names.map(name => [name, 'x'])) })
  t.strictSame(listBackups(join(folder, 'homelab.db')), [
    {
      file: join(folder, 'backups/homelab-empty-20260102T030405Z.db'),
      schema: 'empty',
      madeAt: '2026-01-02T03:04:05Z',
    },
    {
      file: join(folder, 'backups/homelab-0001-b-20260201T000000Z.db'),
      schema: '0001-b',
      madeAt: '2026-02-01T00:00:00Z',
    },
    {
      file: join(folder, 'backups/homelab-0003-a-20260301T000000Z.db'),
      schema: '0003-a',
      madeAt: '2026-03-01T00:00:00Z',
    },
  ])
})

t.test('what is not a whole backup of this database is passed over', async t => {
  const folder = t.testdir({
    backups: {
      'notes.txt': '',
      'homelab-old.db': '',
      'homelab-x-0001-a-20260201T000000Z.db': 'x',
      'other-0001-a-20260201T000000Z.db': 'x',
      'homelab-0001-a-20260201T000000Z.db.partial': '',
      '.partial-abc': {},
    },
  })
  t.strictSame(listBackups(join(folder, 'homelab.db')), [])
})

t.test('a volume without the folder has none', async t => {
  const database = join(t.testdir(), 'homelab.db')
  t.strictSame(listBackups(database), [])
  t.equal(backupFolder(database), join(database, '../backups'))
})

t.test('each of the databases of a volume has its own backups, whatever the two are called', async t => {
  const names = [
    'homelab.db',
    'homelab-2.db',
    'homelab',
    'homelab.sqlite',
    'homelab-.db',
    'homelab--2024-a.db',
    '.db',
    'homelab.db.db',
  ]
  const folder = t.testdir({ backups: {} })
  const made = names.map(name => nextBackupName(join(folder, name), '0001-a', 0))
  t.equal(new Set(made).size, names.length)
  for (const name of made) writeFileSync(join(folder, 'backups', name), 'x')
  t.strictSame(
    names.map(name => listBackups(join(folder, name)).map(({ file }) => basename(file))),
    made.map(name => [name]),
  )
})

t.test('a backup that an older version made is of the database that it can be of', async t => {
  const old = (name: string) => `${name}-20260101T000000Z.db`
  const files = [
    'homelab-0001-a',
    'homelab-2-0001-a',
    'homelab-2024-0001-a',
    'homelab-0003-add-2024-a',
    'homelab-12-a',
    'homelab.sqlite-0001-a',
  ]
  const folder = t.testdir({
    'homelab-2024.db': 'x',
    backups: Object.fromEntries(files.map(name => [old(name), 'x'])),
  })
  const of = (name: string) => listBackups(join(folder, name)).map(({ file }) => basename(file))
  t.strictSame(of('homelab.db'), ['homelab-0001-a', 'homelab-0003-add-2024-a', 'homelab-12-a'].map(old))
  t.strictSame(of('homelab-2.db'), [old('homelab-2-0001-a')])
  t.strictSame(of('homelab-2024.db'), [old('homelab-2024-0001-a')])
  t.strictSame(of('homelab.sqlite'), [old('homelab.sqlite-0001-a')])
})

t.test('an empty file is no backup: a run that was killed may have left it', async t => {
  const folder = t.testdir({ backups: { 'homelab--0001-a-20260101T000000Z.db': '' } })
  t.strictSame(listBackups(join(folder, 'homelab.db')), [])
})
