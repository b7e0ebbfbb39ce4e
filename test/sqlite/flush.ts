import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { flushCommitted } from '../../src/sqlite/file.ts'

t.test('a WAL is flushed where there is one; what keeps it from that is told', async t => {
  const folder = t.testdir({ 'x.db': '', 'y.db': '', 'y.db-wal': 'frames' })
  t.doesNotThrow(() => flushCommitted(join(folder, 'x.db')))
  t.doesNotThrow(() => flushCommitted(join(folder, 'y.db')))
  symlinkSync(join(folder, 'x.db-wal'), join(folder, 'x.db-wal'))
  t.throws(() => flushCommitted(join(folder, 'x.db')), { code: 'ELOOP' })
})
