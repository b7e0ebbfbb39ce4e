import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makeTemporaryFolder } from '../src/temporary-folder.ts'

t.test('a temporary folder is there until it is removed, with all that is in it', async t => {
  const { path, remove } = makeTemporaryFolder()
  writeFileSync(join(path, 'a'), 'x')
  remove()
  t.equal(existsSync(path), false)
  remove()
})
