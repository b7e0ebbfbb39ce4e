import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { hasLeftovers } from '../../src/database/leftovers.ts'

t.test('a journal or WAL with content is a leftover, an empty one is not', async t => {
  const folder = t.testdir({ 'x.db': '' })
  const file = join(folder, 'x.db')
  t.equal(hasLeftovers(file), false)
  writeFileSync(`${file}-wal`, '')
  t.equal(hasLeftovers(file), false)
  writeFileSync(`${file}-wal`, 'x')
  t.equal(hasLeftovers(file), true)
  t.equal(hasLeftovers(join(folder, 'none.db')), false)
})
