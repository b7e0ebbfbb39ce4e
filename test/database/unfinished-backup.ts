import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  dropUnfinished,
  finishBackup,
  hasUnfinished,
  keepUnfinished,
  markUnfinished,
} from '../../src/database/unfinished-backup.ts'

const [older, newer] = ['homelab-0001-a-20260101T000000Z.db', 'homelab-0002-b-20260102T000000Z.db']

/** A volume with two backups, of which the newer one is of a run that has not ended. */
const prepare = (folder: string) => {
  const database = join(folder, 'homelab.db')
  markUnfinished(database, join(folder, 'backups', newer))
  return { database, names: () => readdirSync(join(folder, 'backups')).toSorted() }
}
const backups = { backups: { [older]: '', [newer]: '' } }

t.test('a run that ends well keeps its backup, and removes all but the newest', async t => {
  const { database, names } = prepare(t.testdir(backups))
  t.equal(hasUnfinished(database), true)
  finishBackup(database, 1)
  t.strictSame(names(), [newer])
  t.equal(hasUnfinished(database), false)
})

t.test('of a run that changed nothing the backup goes', async t => {
  const { database, names } = prepare(t.testdir(backups))
  dropUnfinished(database, '0002-b')
  t.strictSame(names(), [older])
})

t.test('of a run that was killed after its commit the backup stays', async t => {
  const { database, names } = prepare(t.testdir(backups))
  dropUnfinished(database, '0003-c')
  t.strictSame(names(), [older, newer])
  t.equal(hasUnfinished(database), false)
})

t.test('another database beside it is not concerned', async t => {
  const { database } = prepare(t.testdir(backups))
  const other = join(database, '../other.db')
  t.equal(hasUnfinished(other), false)
  dropUnfinished(other, '0002-b')
  t.equal(hasUnfinished(database), true)
})

t.test('a backup that somebody took away meanwhile is no matter', async t => {
  const { database, names } = prepare(t.testdir({ backups: { [older]: '' } }))
  dropUnfinished(database, '0002-b')
  t.strictSame(names(), [older])
})

t.test('one that is kept goes neither then nor with a later run of its schema', async t => {
  const { database, names } = prepare(t.testdir(backups))
  keepUnfinished(database)
  dropUnfinished(database, '0002-b')
  t.strictSame(names(), [older, newer])
})

t.test('with no such backup nothing is done, and nothing removed', async t => {
  const folder = t.testdir(backups)
  dropUnfinished(join(folder, 'homelab.db'), '0002-b')
  finishBackup(join(folder, 'homelab.db'), 1)
  keepUnfinished(join(folder, 'homelab.db'))
  t.strictSame(readdirSync(join(folder, 'backups')).toSorted(), [older, newer])
})
