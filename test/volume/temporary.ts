import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { hasTemporaryFolder } from '../../src/volume/temporary.ts'

t.test('this machine has a folder for temporary files', async t => {
  t.equal(hasTemporaryFolder({}), true)
})

t.test('one that the environment names will do, or one of the usual', async t => {
  const folder = t.testdir()
  t.equal(hasTemporaryFolder({ TMPDIR: folder }, []), true)
  t.equal(hasTemporaryFolder({ SQLITE_TMPDIR: folder }, []), true)
  t.equal(hasTemporaryFolder({ TMPDIR: join(folder, 'none') }, [folder]), true)
})

t.test('what is not there, is no folder, or cannot be written, will not', async t => {
  const folder = t.testdir()
  writeFileSync(join(folder, 'file'), '')
  t.equal(hasTemporaryFolder({}, []), false)
  t.equal(hasTemporaryFolder({ TMPDIR: join(folder, 'none') }, [join(folder, 'file'), '/proc/self']), false)
})
