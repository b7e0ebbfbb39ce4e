import { cpSync, readdirSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { up } from '../../src/commands/up.ts'
import { attempt } from '../../src/failure.ts'
import { initModels, Server } from '../../src/hub/models.ts'
import { openReady } from '../../src/hub/ready.ts'
import { makeContext } from '../help/context.ts'
import { readJson } from '../help/program.ts'

const made = t.testdir()
await up(await makeContext(made), undefined)

/** A volume that `up` made ready, and a folder beside it. */
const makeReady = (t: Pick<Test, 'testdir'>) => {
  const all = t.testdir({ volume: {}, elsewhere: {} })
  const folder = join(all, 'volume')
  cpSync(made, folder, { recursive: true })
  return {
    folder,
    elsewhere: join(all, 'elsewhere'),
    database: join(folder, 'homelab.db'),
    marker: join(folder, '.ready'),
  }
}
type Place = ReturnType<typeof makeReady>

t.test('a database that is ready is opened by its URL or path, and closing it leaves nothing beside it', async t => {
  const { folder, database } = makeReady(t)
  for (const url of [`sqlite:${database}`, `sqlite://${database}`, database]) {
    const { sequelize, close } = await openReady(url)
    initModels(sequelize)
    t.equal(await Server.count(), 0, url)
    await close()
  }
  t.strictSame(readdirSync(folder).toSorted(), ['.ready', 'homelab.db'])
})

t.test('the marker is looked for where it is said to be', async t => {
  const { database, elsewhere, marker } = makeReady(t)
  renameSync(marker, join(elsewhere, 'marker'))
  await t.rejects(openReady(database), { code: 'NOT_READY' })
  await (await openReady(database, join(elsewhere, 'marker'))).close()
})

t.test('a link to the database is followed, as the migrator follows it', async t => {
  const { folder, database } = makeReady(t)
  symlinkSync('homelab.db', join(folder, 'link.db'))
  const { sequelize, close } = await openReady(join(folder, 'link.db'))
  t.equal(Object(sequelize).options.storage, database)
  await close()
})

const exec = (database: string, sql: string): void => void new Database(database).exec(sql).close()

/** The files of a folder that this process has open. */
const opened = (folder: string): readonly string[] =>
  readdirSync('/proc/self/fd')
    .map(descriptor => attempt(() => readlinkSync(join('/proc/self/fd', descriptor))))
    .flatMap(link => ('value' in link && link.value.startsWith(folder) ? [link.value] : []))

for (const [title, code, spoil] of [
  ['no marker', 'NOT_READY', ({ marker }) => rmSync(marker)],
  ['a marker that is none', 'NOT_READY', ({ marker }) => writeFileSync(marker, 'null')],
  [
    'a marker of another schema',
    'NOT_READY',
    ({ marker }) => writeFileSync(marker, JSON.stringify({ ...readJson(marker), schema: '0009-later' })),
  ],
  ['another column', 'NOT_READY', ({ database }) => exec(database, 'ALTER TABLE servers ADD COLUMN more')],
  ['no history any more', 'NOT_READY', ({ database }) => exec(database, 'DROP TABLE SequelizeMeta')],
  ['no folder', 'NOT_READY', ({ folder }) => rmSync(folder, { recursive: true })],
  ['no database', 'DATABASE_DAMAGED', ({ database }) => rmSync(database)],
  ['a database that is none', 'DATABASE_DAMAGED', ({ database }) => writeFileSync(database, 'no database'.repeat(100))],
  [
    'a marker of a database of another name, and none of this one',
    'CONFIG_INVALID',
    ({ database, marker }) => {
      rmSync(database)
      writeFileSync(marker, JSON.stringify({ ...readJson(marker), database: 'other.db' }))
    },
  ],
  [
    'a link that leaves the volume',
    'CONFIG_INVALID',
    ({ elsewhere, database }) => {
      renameSync(database, join(elsewhere, 'moved.db'))
      symlinkSync(join(elsewhere, 'moved.db'), database)
    },
  ],
] as const satisfies readonly (readonly [string, string, (place: Place) => void])[])
  t.test(`with ${title} it is refused with ${code}, and nothing stays open`, async t => {
    const place = makeReady(t)
    spoil(place)
    await t.rejects(openReady(place.database), { code, hint: /\w/ })
    t.strictSame(opened(place.folder), [])
  })

for (const url of ['', 'mysql://hub@db/homelab', 'postgres://hub@db', 'sqlite::memory:', 'sqlite:'])
  t.test(`"${url}" is refused with CONFIG_INVALID`, async t => {
    await t.rejects(openReady(url), { code: 'CONFIG_INVALID' })
  })

t.test('while another program holds all of the database it is refused with DATABASE_BUSY', async t => {
  const { database } = makeReady(t)
  const other = new Database(database)
  t.teardown(() => other.close())
  other.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE')
  await t.rejects(openReady(database), { code: 'DATABASE_BUSY' })
})
