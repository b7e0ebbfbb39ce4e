import t from 'tap'
import { initServer, Server } from '../../src/hub/models-v7.ts'
import { connectSequelize } from '../../src/hub/sequelize-v7.ts'
import { makeMigrated } from '../help/migrated.ts'
import { testServer } from '../help/server-rules.ts'

t.test('Server of Sequelize 7', async t => {
  const { connection } = await makeMigrated(t)
  initServer(connectSequelize(connection))
  testServer(t, connection, Server as never)

  t.test('os_info is read back when a server is made', async t => {
    const made = await Server.create({ id: 'omv', hostname: 'omv.lan', os_distribution: 'Debian' })
    t.strictSame(made.os_info, { distribution: 'Debian', version: null, kernel: null, architecture: null })
  })
})
