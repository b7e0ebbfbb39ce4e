import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { replaceFile, syncFolder } from '../../src/volume/replace-file.ts'

t.test('a file is replaced as a whole, and nothing else is left', async t => {
  const folder = t.testdir({ file: 'old, and longer than the new' })
  replaceFile(join(folder, 'file'), 'new')
  t.equal(readFileSync(join(folder, 'file'), 'utf8'), 'new')
  t.strictSame(readdirSync(folder), ['file'])
})

t.test('what a killed writer left does not stand in the way', async t => {
  const folder = t.testdir({ 'file.tmp': 'half' })
  replaceFile(join(folder, 'file'), 'new')
  t.strictSame(readdirSync(folder), ['file'])
})

t.test('when it cannot be replaced the temporary file goes', async t => {
  const folder = t.testdir()
  mkdirSync(join(folder, 'file'))
  writeFileSync(join(folder, 'file/inside'), '')
  t.throws(() => replaceFile(join(folder, 'file'), 'new'), { code: 'EISDIR' })
  t.strictSame(readdirSync(folder), ['file'])
})

t.test('a folder that is not there cannot be synced', async t => {
  t.throws(() => syncFolder(join(t.testdir(), 'none')), { code: 'ENOENT' })
})
