import { readdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { removePartialFolders, withPartialFolder } from '../../src/volume/partial-folder.ts'

t.test('what was renamed out of it stays, all else goes with it', async t => {
  const parent = t.testdir()
  const result = await withPartialFolder(parent, async folder => {
    t.equal(dirname(folder), parent)
    writeFileSync(join(folder, 'whole'), '')
    writeFileSync(join(folder, 'half'), '')
    renameSync(join(folder, 'whole'), join(parent, 'whole'))
    return 'made'
  })
  t.equal(result, 'made')
  t.strictSame(readdirSync(parent), ['whole'])
})

t.test('it goes when the work fails, too', async t => {
  const parent = t.testdir()
  const work = withPartialFolder(parent, async () => Promise.reject(new Error('out of luck')))
  await t.rejects(work, { message: 'out of luck' })
  t.strictSame(readdirSync(parent), [])
})

t.test('what killed runs left is removed', async t => {
  const parent = t.testdir({ '.migrator-partial-abc': { 'x.db': 'half' }, other: {} })
  symlinkSync('nowhere', join(parent, '.migrator-partial-link'))
  removePartialFolders(parent, true)
  t.strictSame(readdirSync(parent), ['other'])
  t.doesNotThrow(() => removePartialFolders(join(parent, 'missing'), true))
})

t.test('of two at once the first is told that it is', async t => {
  const parent = t.testdir()
  const work = withPartialFolder(parent, async folder => {
    rmSync(folder, { recursive: true })
    writeFileSync(join(folder, 'x.db'), '')
  })
  await t.rejects(work, { code: 'DATABASE_BUSY' })
})

t.test('who may not be alone takes away only what was left before yesterday', async t => {
  const parent = t.testdir({ '.migrator-partial-now': {}, '.migrator-partial-old': { 'x.db': 'half' } })
  const longAgo = Date.now() / 1000 - 2 * 24 * 3600
  utimesSync(join(parent, '.migrator-partial-old'), longAgo, longAgo)
  removePartialFolders(parent, false)
  t.strictSame(readdirSync(parent), ['.migrator-partial-now'])
})
