import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makeTemporaryFolder, refuseLittleRoom } from '../src/temporary-folder.ts'

t.test('a temporary folder is there until it is removed, with all that is in it', async t => {
  const { path, remove } = makeTemporaryFolder()
  writeFileSync(join(path, 'a'), 'x')
  remove()
  t.equal(existsSync(path), false)
  remove()
})

t.test('where none can be made, the failure says how to name another place', async t => {
  const { TMPDIR } = process.env
  process.env.TMPDIR = join(t.testdir(), 'none')
  t.teardown(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = TMPDIR
  })
  t.throws(makeTemporaryFolder, { code: 'CONFIG_INVALID', message: /none cannot be written/, hint: /TMPDIR/ })
})

t.test('a folder without the room is refused, with how much it has and how much is needed', async t => {
  const folder = t.testdir()
  refuseLittleRoom(folder, 1)
  t.throws(() => refuseLittleRoom(folder, 1e18), {
    code: 'DISK_FULL',
    message: /has room for [\d.]+ \w+,.*1000000\.0 TB/,
    hint: /TMPDIR/,
  })
})
