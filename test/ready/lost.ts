import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { refuseLoss, requireDatabase, requireNotLost } from '../../src/ready/lost.ts'
import { makeContext } from '../help/context.ts'

const refuse = async (folder: string) => {
  const { config, engine } = await makeContext(folder)
  return requireNotLost(engine, config)
}
const makeDatabase = (folder: string): string => {
  const connection = new Database(join(folder, 'homelab.db'))
  connection.exec('CREATE TABLE a (x)')
  connection.close()
  return folder
}

t.test('an empty volume is a new one', async t => {
  await t.resolves(refuse(t.testdir()))
  await t.resolves(refuse(t.testdir({ 'homelab.db': '' })))
})

t.test('a database with content is not lost', async t => {
  await t.resolves(refuse(makeDatabase(t.testdir({ '.ready': '' }))))
})

for (const [title, evidence] of [
  ['a ready marker', { '.ready': '' }],
  ['a withdrawn marker', { '.ready.withdrawn': '' }],
  ['a backup', { backups: { 'homelab--0001-x-20260118T185800Z.db': 'x' } }],
  ['a WAL', { 'homelab.db-wal': 'x' }],
  ['what a restore replaced', { 'homelab.db.replaced-20260118T185800Z': '' }],
] as const) {
  t.test(`beside ${title}, a missing or empty database is a loss`, async t => {
    await t.rejects(refuse(t.testdir(evidence)), { code: 'DATABASE_DAMAGED' })
    await t.rejects(refuse(t.testdir({ ...evidence, 'homelab.db': '' })), { code: 'DATABASE_DAMAGED' })
  })
}

t.test(
  'a journal is evidence where its database is missing, not beside an empty one: a killed first run leaves that',
  async t => {
    await t.rejects(refuse(t.testdir({ 'homelab.db-journal': 'x' })), { code: 'DATABASE_DAMAGED' })
    await t.resolves(refuse(t.testdir({ 'homelab.db': '', 'homelab.db-journal': 'x' })))
  },
)

t.test('what another run leaves that makes the database meanwhile is no evidence against it', async t => {
  const { config, engine } = await makeContext(t.testdir({}))
  let looks = 0
  const preflight = async () => {
    const found = await engine.preflight()
    looks += 1
    if (looks === 1) {
      makeDatabase(config.volume)
      writeFileSync(config.readyFile, '')
    }
    return found
  }
  await t.resolves(requireNotLost({ preflight }, config))
  t.equal(looks, 2)
})

t.test('a database that goes missing once it was looked at is lost, too', async t => {
  const backups = { 'homelab--0001-x-20260118T185800Z.db': 'x', 'homelab--0001-x-20260119T185800Z.db': 'x' }
  const { config } = await makeContext(t.testdir({ backups }))
  await t.rejects(refuseLoss(config), { code: 'DATABASE_DAMAGED', hint: /first: 2 backups\.$/ })
})

t.test('all evidence is named: whoever starts anew must not have to do so three times', async t => {
  const folder = t.testdir({ '.ready': '', backups: { 'homelab--0001-x-20260118T185800Z.db': 'x' } })
  await t.rejects(refuse(folder), { code: 'DATABASE_DAMAGED', hint: /first: \.ready, 1 backup\.$/ })
})

t.test('a file that is no database is refused, whatever it is', async t => {
  await t.rejects(refuse(t.testdir({ 'homelab.db': 'content' })), { code: 'DATABASE_DAMAGED' })
  await t.rejects(refuse(t.testdir({ 'homelab.db': { 'a file': '' } })), { code: 'CONFIG_INVALID' })
})

t.test('a command that needs a database tells none from a lost one', async t => {
  const noDatabase = async (folder: string) => {
    const { config, engine } = await makeContext(folder)
    return requireDatabase(engine, config)
  }
  await t.rejects(noDatabase(t.testdir({})), { code: 'CONFIG_INVALID' })
  await t.rejects(noDatabase(t.testdir({ '.ready': '' })), { code: 'DATABASE_DAMAGED' })
  await t.resolves(noDatabase(makeDatabase(t.testdir({}))))
})

t.test('another file is no evidence, nor is the marker of another database', async t => {
  await t.resolves(
    refuse(
      t.testdir({
        '.ready': JSON.stringify({ schema: '0001-x', readyAt: '2026-01-18T10:00:00Z', database: 'other.db' }),
      }),
    ),
  )
  await t.resolves(refuse(t.testdir({ 'notes.txt': '', backups: { 'other-x.db': '' } })))
})
