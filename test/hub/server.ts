import t from 'tap'
import { initServer, Server } from '../../src/hub/models.ts'
import { connectSequelize } from '../../src/sqlite/bridge/sequelize.ts'
import { makeMigrated } from '../help/migrated.ts'
import { testServer } from '../help/server-rules.ts'

t.test('Server of Sequelize 6', async t => {
  const { connection } = await makeMigrated(t)
  initServer(connectSequelize(connection))
  testServer(t, connection, Server)

  t.test('os_info is null on a server that was made and not read back', async t => {
    const made = await Server.create({ id: 'omv', hostname: 'omv.lan', os_distribution: 'Debian' })
    t.strictSame(made.os_info, null)
  })
})
