import type { Test } from 'tap'
import type { Server as ServerModel } from '../../src/hub/models.ts'
import type { Connection } from '../../src/sqlite/connect.ts'

/** What holds for Server in either Sequelize, on a migrated database. */
export const testServer = (t: Test, connection: Connection, Server: typeof ServerModel): void => {
  t.beforeEach(() => connection.exec('DELETE FROM metrics; DELETE FROM servers'))

  t.test('a server is stored and retrieved', async t => {
    const last_seen = new Date('2026-01-18T10:00:00.250Z')
    await Server.create({ id: 'omv', hostname: 'omv.lan', tdp_watts: 35, last_seen })
    const server = await Server.findByPk('omv', { rejectOnEmpty: true })
    t.match(server.toJSON(), {
      id: 'omv',
      hostname: 'omv.lan',
      status: 'unknown',
      tdp_watts: 35,
      last_seen,
      display_name: null,
    })
    t.ok(server.created_at instanceof Date)
    t.ok(Math.abs(Date.now() - server.created_at.getTime()) < 60_000)
  })

  t.test('os_info is what the database computes', async t => {
    const made = await Server.create({
      id: 'omv',
      hostname: 'omv.lan',
      os_distribution: 'Debian',
      architecture: 'arm64',
    })
    await made.reload()
    t.strictSame(made.os_info, { distribution: 'Debian', version: null, kernel: null, architecture: 'arm64' })
  })

  t.test('os_info cannot be written', async t => {
    // @ts-expect-error the types say so too
    t.throws(() => Server.build({ id: 'omv', hostname: 'omv.lan', os_info: null }), TypeError)
  })

  t.test('many at once, changing one and upsert leave the computed column alone', async t => {
    await Server.bulkCreate([
      { id: 'a', hostname: 'a.lan' },
      { id: 'b', hostname: 'b.lan', status: 'online' },
    ])
    const server = await Server.findByPk('a', { rejectOnEmpty: true })
    await server.update({ os_version: '13' })
    await Server.upsert({ id: 'b', hostname: 'c.lan' })
    const [a, b] = await Server.findAll({ order: ['id'] })
    t.match(a?.os_info, { version: '13' })
    t.match(b, { hostname: 'c.lan' })
  })

  t.test('rows that SQL wrote with its defaults read the same', async t => {
    connection.exec("INSERT INTO servers (id, hostname) VALUES ('sql', 'sql.lan')")
    const server = await Server.findByPk('sql', { rejectOnEmpty: true })
    t.match(server, { status: 'unknown', last_seen: null })
    t.ok(Math.abs(Date.now() - server.created_at.getTime()) < 60_000)
  })

  t.test('a server needs a hostname, and an id of its own', async t => {
    // @ts-expect-error the types say so too
    await t.rejects(Server.create({ id: 'a' }), { name: /ValidationError/ })
    await Server.create({ id: 'a', hostname: 'a.lan' })
    await t.rejects(Server.create({ id: 'a', hostname: 'b.lan' }), { name: /UniqueConstraintError/ })
  })

  t.test('text is no number of watts', async t => {
    // @ts-expect-error the types say so too
    await t.rejects(Server.create({ id: 'a', hostname: 'a.lan', tdp_watts: 'many' }), { name: /ValidationError/ })
    t.equal(await Server.count(), 0)
  })
}
