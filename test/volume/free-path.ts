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

t.test('one beside which a journal alone lies is taken: it would be read as its own', async t => {
  const folder = t.testdir()
  const now = Date.parse('2026-01-01T00:00:00Z')
  writeFileSync(join(folder, 'x.20260101T000000Z-wal'), '')
  t.equal(
    freePath(stamp => join(folder, `x.${stamp}`), now),
    join(folder, 'x.20260101T000001Z'),
  )
})
