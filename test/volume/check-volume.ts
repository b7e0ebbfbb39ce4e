import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readConfig } from '../../src/config.ts'
import { checkVolume, type Host } from '../../src/volume/check-volume.ts'
import { parseMounts } from '../../src/volume/mounts.ts'
import { withMount } from '../help/mount.ts'

const host: Host = { container: false, mounts: [], uid: 1000, gid: 1000 }
const check = async (folder: string, environment = {}, changed: Partial<Host> = {}) => {
  const settings = { DATABASE_URL: `sqlite:${join(folder, 'homelab.db')}`, ...environment }
  const config = await readConfig({ environment: settings, workingFolder: '/', root: '/', terminal: false })
  checkVolume(config, { ...host, ...changed })
}
const mounted = (point: string, filesystem = 'ext4'): Host['mounts'] =>
  parseMounts(`1 0 0:1 / / rw - overlay overlay rw\n2 1 0:2 / ${point} rw - ${filesystem} source rw\n`)

t.test('a folder that can be written is a volume', async t => {
  await t.resolves(check(t.testdir()))
})

t.test('a data directory that is not there is refused', async t => {
  await t.rejects(check(join(t.testdir(), 'none')), { code: 'VOLUME_MISSING' })
})

t.test('a file where the data directory should be is refused', async t => {
  await t.rejects(check(join(t.testdir({ data: '' }), 'data')), { code: 'VOLUME_MISSING' })
})

t.test('inside a container a folder of the container itself is refused', async t => {
  await t.rejects(check(t.testdir(), {}, { container: true, mounts: mounted('/elsewhere') }), {
    code: 'VOLUME_NOT_MOUNTED',
  })
})

t.test('inside a container without a mount table the folder is refused', async t => {
  await t.rejects(check(t.testdir(), {}, { container: true }), { code: 'VOLUME_NOT_MOUNTED' })
})

t.test('inside a container a mount is accepted', async t => {
  const folder = t.testdir()
  await t.resolves(check(folder, {}, { container: true, mounts: mounted(folder) }))
})

t.test('MIGRATOR_REQUIRE_MOUNT=never accepts any folder in a container', async t => {
  await t.resolves(check(t.testdir(), { MIGRATOR_REQUIRE_MOUNT: 'never' }, { container: true }))
})

t.test('MIGRATOR_REQUIRE_MOUNT=always wants a mount outside containers too', async t => {
  await t.rejects(check(t.testdir(), { MIGRATOR_REQUIRE_MOUNT: 'always' }), { code: 'VOLUME_NOT_MOUNTED' })
})

t.test('a ready file without a folder, or that is a folder, is refused', async t => {
  const folder = t.testdir({ sub: {} })
  for (const MIGRATOR_READY_FILE of [join(folder, 'none/.ready'), join(folder, 'sub')]) {
    await t.rejects(check(folder, { MIGRATOR_READY_FILE }), { code: 'CONFIG_INVALID' })
  }
  await t.resolves(check(folder, { MIGRATOR_READY_FILE: join(folder, 'sub/.ready') }))
})

const notRoot = process.getuid?.() !== 0 && 'needs root, to mount and to make a folder immutable'

t.test('a folder that cannot be written is refused, with who owns it and who we are', { skip: notRoot }, async t => {
  const folder = t.testdir()
  chownSync(folder, 7, 8)
  execFileSync('chattr', ['+i', folder])
  try {
    await t.rejects(check(folder), {
      code: 'VOLUME_NOT_WRITABLE',
      message: /7:8.*1000:1000/,
      hint: /chown -R 1000:1000/,
    })
  } finally {
    execFileSync('chattr', ['-i', folder])
  }
})

t.test('a folder that may not even be read is refused', { skip: notRoot }, async t => {
  const folder = t.testdir()
  for (const mode of [0o311, 0o744]) {
    chmodSync(folder, mode)
    process.seteuid?.(1000)
    try {
      await t.rejects(check(folder), { code: 'VOLUME_NOT_WRITABLE', message: /may not read it/ })
    } finally {
      process.seteuid?.(0)
    }
  }
})

t.test('a database that cannot be written is refused by name', { skip: notRoot }, async t => {
  const file = join(t.testdir({ 'homelab.db': '' }), 'homelab.db')
  execFileSync('chattr', ['+i', file])
  try {
    await t.rejects(check(join(file, '..')), { code: 'VOLUME_NOT_WRITABLE', message: /homelab\.db belongs to 0:0/ })
  } finally {
    execFileSync('chattr', ['-i', file])
  }
})

t.test('in memory the mount is told that would do', { skip: notRoot }, async t => {
  const folder = t.testdir()
  execFileSync('chattr', ['+i', folder])
  const mounts = mounted(folder, 'tmpfs')
  try {
    await t.rejects(check(folder, {}, { mounts }), {
      code: 'VOLUME_NOT_WRITABLE',
      hint: /--tmpfs .*:uid=1000,gid=1000/,
    })
  } finally {
    execFileSync('chattr', ['-i', folder])
  }
})

t.test('a read-only mount is refused', { skip: notRoot }, async t => {
  const folder = t.testdir({ data: {} })
  await withMount(join(folder, 'data'), ['-t', 'tmpfs', '-o', 'ro', 'none'], () =>
    t.rejects(check(join(folder, 'data')), { code: 'VOLUME_READ_ONLY' }),
  )
})

t.test('a file that is mounted read-only by itself is told as that', { skip: notRoot }, async t => {
  const folder = t.testdir({ 'homelab.db': '' })
  const file = join(folder, 'homelab.db')
  execFileSync('mount', ['--bind', file, file])
  execFileSync('mount', ['-o', 'remount,bind,ro', file])
  try {
    await t.rejects(check(folder), { code: 'VOLUME_READ_ONLY', message: /homelab\.db is mounted read-only/ })
  } finally {
    execFileSync('umount', [file])
  }
})

t.test('what is our own and forbids it by its mode wants chmod, not chown', { skip: notRoot }, async t => {
  const folder = t.testdir({ 'homelab.db': '' })
  chownSync(folder, 1000, 1000)
  execFileSync('chattr', ['+i', folder])
  try {
    await t.rejects(check(folder), { code: 'VOLUME_NOT_WRITABLE', hint: /chmod -R u\+rwX/ })
  } finally {
    execFileSync('chattr', ['-i', folder])
  }
})
