import { spawn } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { openDatabase } from '../../src/database/open.ts'
import { refuseOpenElsewhere } from '../../src/database/open-elsewhere.ts'

t.test(
  'a database that another process has open is refused, though it holds no lock; the process is named',
  async t => {
    const file = join(t.testdir({ 'homelab.db': '' }), 'homelab.db')
    const other = spawn('/bin/sh', ['-c', 'exec 3< "$0"; echo open; exec sleep 60', file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.teardown(() => other.kill())
    await new Promise(resolve => other.stdout.once('data', resolve))
    t.throws(() => refuseOpenElsewhere(file), {
      code: 'DATABASE_BUSY',
      message: new RegExp(`process ${other.pid} \\(sleep\\)`),
    })
  },
)

t.test('this process itself, and another file of the same name, do not count', async t => {
  const folder = t.testdir({ 'homelab.db': '', other: { 'homelab.db': '' } })
  const connection = openDatabase(join(folder, 'homelab.db'))
  const other = spawn('/bin/sh', ['-c', 'exec 3< "$0"; echo open; exec sleep 60', join(folder, 'other/homelab.db')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => [other.kill(), connection.close()])
  await new Promise(resolve => other.stdout.once('data', resolve))
  refuseOpenElsewhere(join(folder, 'homelab.db'))
})

t.test('a database that is not there is open nowhere', async t => {
  refuseOpenElsewhere(join(t.testdir(), 'homelab.db'))
})
