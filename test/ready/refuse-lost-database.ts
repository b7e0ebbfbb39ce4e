import t from 'tap'
import { readConfig } from '../../src/config.ts'
import { refuseLostDatabase } from '../../src/ready/refuse-lost-database.ts'
import { settingsFor } from '../help/program.ts'

const refuse = async (folder: string) =>
  refuseLostDatabase(
    await readConfig({ environment: settingsFor(folder), workingFolder: '/', root: '/', terminal: false }),
  )

t.test('an empty volume is a new one', async t => {
  await t.resolves(refuse(t.testdir()))
  await t.resolves(refuse(t.testdir({ 'homelab.db': '' })))
})

t.test('a database with content is not lost', async t => {
  await t.resolves(refuse(t.testdir({ 'homelab.db': 'content', '.ready': '' })))
})

for (const [title, evidence] of [
  ['a ready marker', { '.ready': '' }],
  ['a withdrawn marker', { '.ready.withdrawn': '' }],
  ['a backup', { backups: { 'homelab-x.db': '' } }],
] as const) {
  t.test(`beside ${title}, a missing or empty database is a loss`, async t => {
    await t.rejects(refuse(t.testdir(evidence)), { code: 'DATABASE_DAMAGED' })
    await t.rejects(refuse(t.testdir({ ...evidence, 'homelab.db': '' })), { code: 'DATABASE_DAMAGED' })
  })
}

t.test('another file is no evidence', async t => {
  await t.resolves(refuse(t.testdir({ 'notes.txt': '', backups: { 'other-x.db': '' } })))
})
