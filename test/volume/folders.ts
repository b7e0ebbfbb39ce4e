import { existsSync, readdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import {
  makeTemporaryFolder,
  removeFolder,
  removePartialFolders,
  requireTemporarySpace,
  withPartialFolder,
} from '../../src/volume/folders.ts'
import { inNamespace } from '../help/namespace.ts'
import { settingsFor } from '../help/program.ts'

t.test('a temporary folder is there until it is removed, with all that is in it', async t => {
  const { path, remove } = makeTemporaryFolder()
  writeFileSync(join(path, 'a'), 'x')
  remove()
  t.equal(existsSync(path), false)
  remove()
})

t.test('the second place will do where the first is none', async t => {
  const place = t.testdir()
  const { path, remove } = makeTemporaryFolder([join(place, 'none'), place])
  t.equal(dirname(path), place)
  remove()
})

t.test('where none can be made, the failure says how to name another place', async t => {
  const { TMPDIR } = process.env
  process.env.TMPDIR = join(t.testdir(), 'none')
  t.teardown(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = TMPDIR
  })
  t.throws(() => makeTemporaryFolder(), { code: 'CONFIG_INVALID', message: /none cannot be written/, hint: /TMPDIR/ })
})

const notRoot = process.getuid?.() !== 0 && 'needs root, to make /tmp read-only'

t.test(
  'on a read-only root there is shared memory, or else the failure says what to mount',
  { skip: notRoot },
  async t => {
    const folder = t.testdir()
    const plan = (mounts: string) =>
      inNamespace(mounts, { ...settingsFor(folder), TMPDIR: '/tmp' }, { program: ['plan'] })
    // its files stay in sight: the checkout may be among them
    const readOnly = 'mount --bind /tmp /tmp && mount -o remount,ro,bind /tmp &&'
    t.match(plan(readOnly), { exitCode: 0, stdout: /3 pending, tried on a copy/ })
    t.match(plan(`${readOnly} mount -t tmpfs -o ro none /dev/shm &&`), { exitCode: 2, stderr: /--tmpfs \/tmp/ })
  },
)

t.test('a folder without the room is refused, with how much it has and how much is needed', async t => {
  const folder = t.testdir()
  requireTemporarySpace(folder, 1)
  t.throws(() => requireTemporarySpace(folder, 1e18), {
    code: 'DISK_FULL',
    message: /has [\d.]+ \w+ free,.* 1 EB/,
    hint: /TMPDIR/,
  })
})

t.test('what was renamed out of it stays, all else goes with it', async t => {
  const parent = t.testdir()
  const result = await withPartialFolder(parent, '/data/homelab.db', async folder => {
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
  const work = withPartialFolder(parent, '/data/homelab.db', async () => Promise.reject(new Error('out of luck')))
  await t.rejects(work, { message: 'out of luck' })
  t.strictSame(readdirSync(parent), [])
})

t.test('what killed runs left is removed', async t => {
  const parent = t.testdir({ '.migrator-partial-homelab.db-abcdef': { 'x.db': 'half' }, other: {} })
  symlinkSync('nowhere', join(parent, '.migrator-partial-homelab.db-alinkk'))
  removePartialFolders(parent, '/data/homelab.db', true)
  t.strictSame(readdirSync(parent), ['other'])
  t.doesNotThrow(() => removePartialFolders(join(parent, 'missing'), '/data/homelab.db', true))
})

t.test('of two at once the first is told that it is', async t => {
  const parent = t.testdir()
  const work = withPartialFolder(parent, '/data/homelab.db', async folder => {
    rmSync(folder, { recursive: true })
    writeFileSync(join(folder, 'x.db'), '')
  })
  await t.rejects(work, { code: 'DATABASE_BUSY' })
})

t.test('who may not be alone takes away only what was left before yesterday', async t => {
  const parent = t.testdir({
    '.migrator-partial-homelab.db-nownow': {},
    '.migrator-partial-homelab.db-oldold': { 'x.db': 'half' },
  })
  const longAgo = Date.now() / 1000 - 2 * 24 * 3600
  utimesSync(join(parent, '.migrator-partial-homelab.db-oldold'), longAgo, longAgo)
  removePartialFolders(parent, '/data/homelab.db', false)
  t.strictSame(readdirSync(parent), ['.migrator-partial-homelab.db-nownow'])
})

t.test('the folders of another database, which may be at work, stay', async t => {
  const others = [
    '.migrator-partial-homelab.db-2-abcdef',
    '.migrator-partial-other.db-abcdef',
    '.migrator-partial-abcdef',
  ]
  const parent = t.testdir(Object.fromEntries(others.map(name => [name, {}])))
  removePartialFolders(parent, '/data/homelab.db', true)
  t.strictSame(readdirSync(parent), others.toSorted())
})

t.test('a folder that is gone is taken away', async t => {
  const folder = t.testdir({ some: { 'x.db': '' } })
  removeFolder(join(folder, 'none'))
  removeFolder(join(folder, 'some'))
  t.strictSame(readdirSync(folder), [])
})
