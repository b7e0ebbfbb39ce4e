import { execFileSync } from 'node:child_process'
import { truncateSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readSmallFile } from '../src/small-file.ts'

t.test('a file is read as a whole, an empty one too', async t => {
  const folder = t.testdir({ some: 'words', none: '' })
  t.equal(String(readSmallFile(join(folder, 'some'), 5)), 'words')
  t.equal(String(readSmallFile(join(folder, 'none'), 5)), '')
})

t.test('a pipe is not waited for, and neither it nor a device, a folder or a giant file is read', async t => {
  const folder = t.testdir({ giant: '', folder: {} })
  execFileSync('mkfifo', [join(folder, 'pipe')])
  truncateSync(join(folder, 'giant'), 5 * 2 ** 30)
  for (const [file, message] of [
    [join(folder, 'pipe'), /is not a regular file/],
    ['/dev/zero', /is not a regular file/],
    [join(folder, 'folder'), /is a folder/],
    [join(folder, 'giant'), /5368709120 bytes/],
  ] as const)
    t.throws(() => readSmallFile(file, 100), { code: 'CONFIG_INVALID', message })
  t.throws(() => readSmallFile(join(folder, 'missing'), 100), { code: 'ENOENT' })
})
