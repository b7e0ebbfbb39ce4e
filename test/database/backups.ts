import { join } from 'node:path'
import t from 'tap'
import { backupFolder, backupName, listBackups, replacedPrefix } from '../../src/database/backups.ts'

t.test('the name of a backup says what it is of, at which schema, and from when', async t => {
  t.equal(backupName('/data/homelab.db', '0002-x', '20260118T185800Z'), 'homelab-0002-x-20260118T185800Z.db')
  t.equal(backupName('/data/homelab.db', '', '20260118T185800Z'), 'homelab-empty-20260118T185800Z.db')
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
  const folder = t.testdir({ backups: Object.fromEntries(names.map(name => [name, ''])) })
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
      'homelab-x-0001-a-20260201T000000Z.db': '',
      'other-0001-a-20260201T000000Z.db': '',
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
