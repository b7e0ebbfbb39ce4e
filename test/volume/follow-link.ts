import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readConfig } from '../../src/config.ts'
import { followLink } from '../../src/volume/follow-link.ts'
import { settingsFor } from '../help/program.ts'

const follow = async (folder: string) =>
  followLink(await readConfig({ environment: settingsFor(folder), workingFolder: '/', root: '/', terminal: false }))

t.test('a path that is no link stays, whether there is a file or not', async t => {
  const folder = t.testdir({ 'homelab.db': '' })
  t.match(await follow(folder), { database: join(folder, 'homelab.db') })
  t.match(await follow(join(folder, 'none')), { database: join(folder, 'none/homelab.db') })
  t.match(await follow(join(folder, 'homelab.db')), { database: join(folder, 'homelab.db/homelab.db') })
})

t.test('a link to a file beside it is followed: what SQLite keeps beside the database is named after that', async t => {
  const folder = t.testdir({ 'real.db': '' })
  symlinkSync('real.db', join(folder, 'homelab.db'))
  t.match(await follow(folder), { database: join(folder, 'real.db'), volume: folder })
})

for (const [title, target] of [
  ['out of the volume', '../elsewhere.db'],
  ['into a folder of the volume', 'sub/real.db'],
  ['nowhere', 'none.db'],
  ['to itself', 'homelab.db'],
] as const) {
  t.test(`a link ${title} is refused`, async t => {
    const folder = t.testdir({ 'elsewhere.db': '', data: { sub: { 'real.db': '' } } })
    symlinkSync(target, join(folder, 'data/homelab.db'))
    await t.rejects(follow(join(folder, 'data')), { code: 'CONFIG_INVALID', message: /homelab\.db is a link/ })
  })
}
