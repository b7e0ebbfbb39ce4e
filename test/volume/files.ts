import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statfsSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  freeBytes,
  freePath,
  renameToFree,
  replaceFile,
  sameOwner,
  shareWithGroup,
  sizeOf,
  syncFolder,
} from '../../src/volume/files.ts'
import { withMount } from '../help/mount.ts'
import { runPatched, runProgram, settingsFor } from '../help/program.ts'

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

const noFat =
  (process.getuid?.() !== 0 || spawnSync('which', ['mkfs.vfat']).status !== 0) &&
  'needs root and mkfs.vfat, to mount FAT'

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

t.test('a name that something has is not taken, and is left as it is', async t => {
  const folder = t.testdir({ from: 'new', file: 'old', folder: {} })
  const from = join(folder, 'from')
  for (const name of ['file', 'folder']) t.equal(renameToFree(from, join(folder, name)), false)
  t.equal(renameToFree(from, join(folder, 'free')), true)
  t.strictSame(readdirSync(folder), ['file', 'folder', 'free'])
  t.equal(readFileSync(join(folder, 'file'), 'utf8'), 'old')
  t.throws(() => renameToFree(join(folder, 'none'), join(folder, 'other')), { code: 'ENOENT' })
  t.strictSame(readdirSync(folder), ['file', 'folder', 'free'], 'and no empty file is left')
})

t.test('so it is where a filesystem has no second names for a file', { skip: noFat }, async t => {
  const folder = t.testdir({ point: {} })
  const [image, point] = [join(folder, 'image'), join(folder, 'point')]
  writeFileSync(image, '')
  truncateSync(image, 4 * 1024 * 1024)
  execFileSync('mkfs.vfat', [image], { stdio: 'ignore' })
  await withMount(point, ['-o', 'loop', image], () => {
    for (const name of ['from', 'taken']) writeFileSync(join(point, name), name)
    t.equal(renameToFree(join(point, 'from'), join(point, 'taken')), false)
    t.equal(renameToFree(join(point, 'from'), join(point, 'free')), true)
    t.strictSame(readdirSync(point), ['free', 'taken'])
  })
})

t.test('so it is where the kernel says so before it looks whether the name is free', async t => {
  const folder = t.testdir({ from: 'from', taken: 'taken' })
  const patch = `fs.linkSync = () => { throw Object.assign(new Error('EPERM'), { code: 'EPERM' }) }`
  const code = `const { renameToFree } = await import(src + 'volume/files.ts')
    for (const name of ['taken', 'none/free', 'free'])
      try { console.log(renameToFree('${folder}/from', '${folder}/' + name)) } catch ({ code }) { console.log(code) }`
  t.equal(runPatched(folder, patch, code), 'false\nENOENT\ntrue\n')
  t.strictSame(readdirSync(folder), ['free', 'preload.cjs', 'taken'])
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

t.test('a link is not followed', async t => {
  const folder = t.testdir({ model: '', other: '', file: t.fixture('symlink', 'other') })
  chmodSync(join(folder, 'model'), 0o666)
  t.throws(() => sameOwner(join(folder, 'file'), join(folder, 'model')), { code: 'ELOOP' })
  t.not(statSync(join(folder, 'other')).mode & 0o777, 0o666)
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
    // the sticky bit, for root goes on in a folder that others may write to only where nobody can exchange a file
    chmodSync(folder, 0o3775)
    await runProgram([], settingsFor(folder))
    t.equal(modeOf(join(folder, 'homelab.db')), 0o664)
  },
)
