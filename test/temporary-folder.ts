import { existsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { makeTemporaryFolder, refuseLittleRoom } from '../src/temporary-folder.ts'
import { inNamespace } from './help/namespace.ts'
import { settingsFor } from './help/program.ts'

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
  refuseLittleRoom(folder, 1)
  t.throws(() => refuseLittleRoom(folder, 1e18), {
    code: 'DISK_FULL',
    message: /has room for [\d.]+ \w+,.*1000000\.0 TB/,
    hint: /TMPDIR/,
  })
})
