import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { freePath } from '../../src/volume/free-path.ts'

t.test('a path is stamped with the present second, and with a later one where that is taken', async t => {
  const folder = t.testdir()
  const made = Array.from({ length: 3 }, () => {
    const path = freePath(stamp => join(folder, stamp))
    writeFileSync(path, '')
    return path
  })
  t.equal(new Set(made).size, 3)
  t.strictSame(made.toSorted(), made)
  for (const path of made) t.match(path, /\/\d{8}T\d{6}Z$/)
})
