import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  freeBytes,
  freePath,
  replaceFile,
  sameOwner,
  shareWithGroup,
  sizeOf,
  syncFolder,
} from '../../src/volume/files.ts'
import { runProgram, settingsFor } from '../help/program.ts'

t.test('a disk has as much as the kernel says', async t => {
  const { bsize, blocks } = statfsSync('/')
  const free = freeBytes('/')
  t.ok(free >= 0 && free <= blocks * bsize, String(free))
})

t.test('where the kernel does not tell there is no end to it', async t => {
  t.equal(freeBytes('/proc'), Number.POSITIVE_INFINITY)
})

t.test('the bytes of a file, and of none where there is none', async t => {
  const folder = t.testdir({ a: 'bcd', empty: '' })
  t.strictSame(
    ['a', 'empty', 'none'].map(name => sizeOf(join(folder, name))),
    [3, 0, 0],
  )
})

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

t.test('a file is replaced as a whole, and nothing else is left', async t => {
  const folder = t.testdir({ file: 'old, and longer than the new' })
  replaceFile(join(folder, 'file'), 'new')
  t.equal(readFileSync(join(folder, 'file'), 'utf8'), 'new')
  t.strictSame(readdirSync(folder), ['file'])
})

t.test('what a killed writer left does not stand in the way', async t => {
  const folder = t.testdir({ 'file.migrator-tmp': 'half' })
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

const notRoot = process.getuid?.() !== 0 && 'needs root, to give files away'

t.test('the mode is taken over', async t => {
  const folder = t.testdir({ model: '', file: '' })
  chmodSync(join(folder, 'model'), 0o660)
  sameOwner(join(folder, 'file'), join(folder, 'model'))
  t.equal(statSync(join(folder, 'file')).mode & 0o7777, 0o660)
})

t.test('root gives the file to the owner of the other', { skip: notRoot }, async t => {
  const folder = t.testdir({ model: '', file: '' })
  chownSync(join(folder, 'model'), 7, 8)
  sameOwner(join(folder, 'file'), join(folder, 'model'))
  t.match(statSync(join(folder, 'file')), { uid: 7, gid: 8 })
})

const modeOf = (file: string): number => statSync(file).mode & 0o777

t.test('a file is as writable for the group as its folder', async t => {
  const folder = t.testdir()
  for (const [folderMode, mode] of [
    [0o755, 0o644],
    [0o775, 0o664],
  ] as const) {
    const file = join(folder, String(folderMode))
    writeFileSync(file, '')
    chmodSync(file, 0o644)
    chmodSync(folder, folderMode)
    shareWithGroup(file)
    t.equal(modeOf(file), mode)
  }
})

t.test(
  'a hub of another user in the group may write the database that a run made, and it stays the only file',
  async t => {
    const folder = t.testdir()
    chmodSync(folder, 0o2775)
    await runProgram([], settingsFor(folder))
    t.equal(modeOf(join(folder, 'homelab.db')), 0o664)
  },
)
