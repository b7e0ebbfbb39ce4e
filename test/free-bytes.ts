import { statfsSync } from 'node:fs'
import t from 'tap'
import { freeBytes } from '../src/free-bytes.ts'

t.test('a disk has as much as the kernel says', async t => {
  const { bsize, blocks } = statfsSync('/')
  const free = freeBytes('/')
  t.ok(free >= 0 && free <= blocks * bsize, String(free))
})

t.test('where the kernel does not tell there is no end to it', async t => {
  t.equal(freeBytes('/proc'), Number.POSITIVE_INFINITY)
})
