import '../help/use-uri.ts'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { withCopy } from '../../src/commands/with-copy.ts'
import { makeContext } from '../help/context.ts'
import { makeMigrated } from '../help/migrated.ts'
import { dump } from '../help/program.ts'

t.test('the copy is the database, and goes with its folder when the work is done, or fails', async t => {
  const { folder, file, connection } = await makeMigrated(t)
  connection.close()
  const context = await makeContext(folder)
  const before = readdirSync(folder)
  const copies: string[] = []
  await withCopy(context, async copy => {
    copies.push(copy)
    t.equal(dump(copy), dump(file))
  })
  const failing = withCopy(context, async copy => {
    copies.push(copy)
    throw new Error('out of luck')
  })
  await t.rejects(failing, { message: 'out of luck' })
  for (const copy of copies) t.equal(existsSync(join(copy, '..')), false)
  t.strictSame(
    readdirSync(folder).filter(name => !/-(?:wal|shm)$/.test(name)),
    before,
  )
})

t.test('where there is no database there is no copy', async t => {
  await withCopy(await makeContext(t.testdir()), async copy => t.equal(existsSync(copy), false))
})

t.test('what was full is the temporary folder, and the failure says so', async t => {
  const full = withCopy(await makeContext(t.testdir()), async () => {
    throw Object.assign(new Error('no room'), { code: 'SQLITE_FULL' })
  })
  await t.rejects(full, { code: 'DISK_FULL', message: /temporary folder is full/, hint: /TMPDIR/ })
})
