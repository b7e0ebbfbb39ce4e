import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { sortsOnVolume } from '../../src/volume/temporary.ts'
import { withMount } from '../help/mount.ts'

const notRoot = process.getuid?.() !== 0 && 'needs root, to mount'

t.test('a folder that the environment names will do, or one of the usual', async t => {
  const folder = t.testdir()
  t.equal(sortsOnVolume({}, folder, [folder]), false)
  t.equal(sortsOnVolume({ TMPDIR: folder }, folder, []), false)
  t.equal(sortsOnVolume({ SQLITE_TMPDIR: folder }, folder, []), false)
  t.equal(sortsOnVolume({ TMPDIR: join(folder, 'none') }, folder, [folder]), false)
})

t.test('what is not there, is no folder, or cannot be written, will not', async t => {
  const folder = t.testdir()
  writeFileSync(join(folder, 'file'), '')
  t.equal(sortsOnVolume({}, folder, []), true)
  t.equal(sortsOnVolume({ TMPDIR: join(folder, 'none') }, folder, [join(folder, 'file'), '/proc/self']), true)
})

t.test('one with less room than the volume will only do when it was chosen for SQLite', { skip: notRoot }, async t => {
  const folder = t.testdir({ small: {} })
  const small = join(folder, 'small')
  await withMount(small, ['-t', 'tmpfs', '-o', 'size=1m', 'none'], async () => {
    t.equal(sortsOnVolume({}, folder, [small]), true)
    t.equal(sortsOnVolume({ TMPDIR: small }, folder, [folder]), true)
    t.equal(sortsOnVolume({ SQLITE_TMPDIR: small }, folder, [folder]), false)
    t.equal(sortsOnVolume({}, join(folder, 'none'), [small]), false)
  })
})
