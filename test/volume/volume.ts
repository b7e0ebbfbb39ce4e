import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readConfig } from '../../src/config.ts'
import { parseMounts } from '../../src/volume/mounts.ts'
import { becomeOwner, isUnmapped, notMapped, refuseRoot } from '../../src/volume/owner.ts'
import {
  followLink,
  type Host,
  isContainer,
  probeFolderOf,
  requireVolume,
  sortsOnVolume,
} from '../../src/volume/volume.ts'
import { makeContext } from '../help/context.ts'
import { withMount } from '../help/mount.ts'
import { root, settingsFor } from '../help/program.ts'
import { asOther } from '../help/user.ts'

const skip = process.getuid?.() !== 0 && 'needs root, to give a folder to another'

/** An identity that writes down what it is asked to become. */
const recording = (uid: number) => {
  const calls: unknown[] = []
  const note = (name: string) => (id: unknown) => {
    calls.push([name, id])
  }
  return { calls, getuid: () => uid, setgroups: note('setgroups'), setgid: note('setgid'), setuid: note('setuid') }
}
const folderOf = (t: Pick<Test, 'testdir'>, uid: number, gid: number): string => {
  const folder = t.testdir()
  chownSync(folder, uid, gid)
  return folder
}

t.test('root becomes the owner of the volume, groups first', { skip }, async t => {
  const identity = recording(0)
  becomeOwner(folderOf(t, 1234, 5678), [], identity)
  t.strictSame(identity.calls, [
    ['setgroups', [5678]],
    ['setgid', 5678],
    ['setuid', 1234],
  ])
})

t.test('root stays root on a volume of root, and where there is none', { skip }, async t => {
  const identity = recording(0)
  becomeOwner(folderOf(t, 0, 0), [], identity)
  becomeOwner(join(t.testdir(), 'nothing'), [], identity)
  symlinkSync('loop', join(t.testdir(), 'loop'))
  becomeOwner(join(t.testdirName, 'loop'), [], identity)
  t.strictSame(identity.calls, [])
})

t.test('everybody else stays who they are', { skip }, async t => {
  const identity = recording(1000)
  becomeOwner(folderOf(t, 1234, 5678), [], identity)
  t.strictSame(identity.calls, [])
})

t.test('without the capability nothing is thrown: refuseRoot says so', { skip }, async t => {
  const refuse = (): never => {
    throw new Error('EPERM')
  }
  t.doesNotThrow(() => becomeOwner(folderOf(t, 1234, 5678), ['/nowhere'], { ...recording(0), setgroups: refuse }))
})

t.test('an owner who may not read the program is told of, by what he may not read', { skip }, async t => {
  const become = () => becomeOwner(folderOf(t, 1234, 5678), [process.execPath, '/nowhere'], recording(0))
  t.throws(become, { code: 'VOLUME_NOT_WRITABLE', message: /1234:5678.*\/nowhere/ })
})

t.test('root writes into a folder that is its own alone, and into no other one of a run', { skip }, async t => {
  for (const what of ['.', 'marker', 'backups']) {
    const folder = t.testdir({ marker: {}, backups: {} })
    const { config } = await makeContext(folder, { MIGRATOR_READY_FILE: join(folder, 'marker/ready') })
    t.doesNotThrow(() => refuseRoot(config))
    chmodSync(join(folder, what), 0o775)
    t.throws(() => refuseRoot(config), { code: 'VOLUME_NOT_WRITABLE', hint: /chmod go-w/ }, `${what}, mode 775`)
    chmodSync(join(folder, what), 0o755)
    chownSync(join(folder, what), 1234, 5678)
    t.throws(() => refuseRoot(config), { code: 'VOLUME_NOT_WRITABLE', hint: /--user 1234:5678/ }, `${what}, of 1234`)
  }
})

t.test('nobody is a user like another one, save in a user namespace', async t => {
  t.equal(isUnmapped(65_534), false)
  t.equal(isUnmapped(1000), false)
  t.match(notMapped('it', '/data', 0, 0), { code: 'VOLUME_NOT_WRITABLE', hint: /podman unshare/ })
})

const host: Host = { container: false, mounts: [], uid: 1000, gid: 1000 }
const check = async (folder: string, environment = {}, changed: Partial<Host> = {}) => {
  const settings = { DATABASE_URL: `sqlite:${join(folder, 'homelab.db')}`, ...environment }
  const config = await readConfig({ environment: settings, workingFolder: '/', root: '/' })
  requireVolume(config, { ...host, ...changed })
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

t.test('a database, a journal and a marker that are mounted as single files are refused', async t => {
  const folder = t.testdir()
  for (const name of ['homelab.db', 'homelab.db-wal', 'homelab.db-journal', '.ready'])
    await t.rejects(check(folder, {}, { mounts: mounted(join(folder, name)) }), {
      code: 'CONFIG_INVALID',
      message: new RegExp(`/${name} is mounted as a single file`),
    })
  await t.resolves(check(folder, {}, { mounts: mounted(join(folder, 'other.db')) }))
  const covered = `${'2 1 0:2 / FILE rw - ext4 a rw\n3 1 0:3 / FOLDER rw - ext4 b rw\n'
    .replace('FILE', join(folder, 'homelab.db'))
    .replace('FOLDER', folder)}1 0 0:1 / / rw - overlay overlay rw\n`
  await t.resolves(check(folder, {}, { mounts: parseMounts(covered) }), 'what a later mount hides is not there')
})

t.test('no mount is advised that would hide the program or the system', async t => {
  for (const folder of [root, '/', '/usr'])
    await t.rejects(check(folder, {}, { container: true }), {
      code: 'VOLUME_NOT_MOUNTED',
      hint: /in a folder of its own, as in DATABASE_URL=sqlite:/,
    })
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
    await t.rejects(check(folder, {}, { container: true, mounts: mounted(folder) }), {
      code: 'VOLUME_NOT_WRITABLE',
      hint: `as root on the host, where FOLDER is what is mounted on ${folder},`,
    })
  } finally {
    execFileSync('chattr', ['-i', folder])
  }
})

t.test('a folder that may not even be read is refused', { skip: notRoot }, async t => {
  const folder = t.testdir()
  for (const mode of [0o311, 0o744]) {
    chmodSync(folder, mode)
    await asOther(() => t.rejects(check(folder), { code: 'VOLUME_NOT_WRITABLE', message: /may not read it/ }))
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

const overlay = '1 0 0:1 / / rw - overlay overlay rw\n'
const disk = '1 0 0:1 / / rw - ext4 /dev/sda1 rw\n'
const hosts = '2 1 0:2 /x /etc/hosts rw - ext4 /dev/sda1 rw\n'
const resolv = '2 1 0:2 /x /etc/resolv.conf rw - ext4 /dev/sda1 rw\n'

for (const [title, files, environment, mounts, expected] of [
  ['a host is none', {}, {}, disk, false],
  ['a stray /.dockerenv alone does not make one', { '.dockerenv': '' }, {}, disk, false],
  ['a live system on an overlay alone is none', {}, {}, overlay, false],
  ['Docker on overlay2', { '.dockerenv': '' }, {}, overlay + hosts, true],
  ['Docker on another storage driver', { '.dockerenv': '' }, {}, disk + hosts, true],
  ['Podman', { run: { '.containerenv': '' } }, { container: 'podman' }, disk, true],
  ['Kubernetes on containerd', {}, { KUBERNETES_SERVICE_HOST: '10.0.0.1' }, overlay + resolv, true],
] as const) {
  t.test(`${title} (${expected ? 'a container' : 'no container'})`, async t => {
    t.equal(isContainer(t.testdir(files), environment, parseMounts(mounts)), expected)
  })
}

const follow = async (folder: string) =>
  followLink(await readConfig({ environment: settingsFor(folder), workingFolder: '/', root: '/' }))

t.test('a path that is no link stays, whether there is a file or not', async t => {
  const folder = t.testdir({ 'homelab.db': '' })
  t.match(await follow(folder), { database: join(folder, 'homelab.db') })
  t.match(await follow(join(folder, 'none')), { database: join(folder, 'none/homelab.db') })
  t.match(await follow(join(folder, 'homelab.db')), { database: join(folder, 'homelab.db/homelab.db') })
})

t.test('a link to a file beside it is followed: what SQLite keeps beside the database is named after that', async t => {
  const folder = t.testdir({ 'real.db': '' })
  symlinkSync('real.db', join(folder, 'homelab.db'))
  t.match(await follow(folder), { database: join(folder, 'real.db'), volume: folder })
})

for (const [title, target] of [
  ['out of the volume', '../elsewhere.db'],
  ['into a folder of the volume', 'sub/real.db'],
  ['nowhere', 'none.db'],
  ['to itself', 'homelab.db'],
] as const) {
  t.test(`a link ${title} is refused`, async t => {
    const folder = t.testdir({ 'elsewhere.db': '', data: { sub: { 'real.db': '' } } })
    symlinkSync(target, join(folder, 'data/homelab.db'))
    await t.rejects(follow(join(folder, 'data')), { code: 'CONFIG_INVALID', message: /homelab\.db is a link/ })
  })
}

const notRootToMount = process.getuid?.() !== 0 && 'needs root, to mount'

t.test('it leaves nothing behind, nor what a killed run left', async t => {
  const folder = t.testdir({
    'homelab.db.migrator-probe.migrator-tmp': 'half',
    'homelab.db.migrator-probe': 'whole',
  })
  probeFolderOf(join(folder, 'homelab.db'))
  t.strictSame(readdirSync(folder), [])
})

t.test('a full disk is found, and nothing is left', { skip: notRootToMount }, async t => {
  const folder = t.testdir({ data: {} })
  const data = join(folder, 'data')
  await withMount(data, ['-t', 'tmpfs', '-o', 'size=16k', 'none'], () => {
    writeFileSync(join(data, 'a'), Buffer.alloc(16 * 1024))
    t.throws(() => probeFolderOf(join(data, 'homelab.db')), { code: 'DISK_FULL' })
    t.strictSame(readdirSync(data), ['a'])
  })
})

t.test('a read-only mount is found', { skip: notRootToMount }, async t => {
  const folder = t.testdir({ data: {} })
  await withMount(join(folder, 'data'), ['-t', 'tmpfs', '-o', 'ro', 'none'], () => {
    t.throws(() => probeFolderOf(join(folder, 'data/homelab.db')), { code: 'VOLUME_READ_ONLY' })
  })
})

t.test(
  'two databases of one folder have two, and what is in the place of one is neither followed nor written to',
  async t => {
    const folder = t.testdir({
      other: 'kept',
      'a.db.migrator-probe.migrator-tmp': t.fixture('symlink', 'other'),
      'b.db.migrator-probe': '',
    })
    probeFolderOf(join(folder, 'a.db'))
    t.strictSame(readdirSync(folder), ['b.db.migrator-probe', 'other'])
    t.equal(readFileSync(join(folder, 'other'), 'utf8'), 'kept')
  },
)

t.test('a folder in its place is refused', async t => {
  const folder = t.testdir({ 'homelab.db.migrator-probe.migrator-tmp': {} })
  t.throws(() => probeFolderOf(join(folder, 'homelab.db')), { code: 'CONFIG_INVALID' })
})

const notRootForTemporary = process.getuid?.() !== 0 && 'needs root, to mount'

t.test('a folder that the environment names will do, or one of the usual', async t => {
  const folder = t.testdir()
  t.equal(sortsOnVolume({}, folder, [folder]), false)
  t.equal(sortsOnVolume({ TMPDIR: folder }, folder, []), false)
  t.equal(sortsOnVolume({ SQLITE_TMPDIR: folder }, folder, []), false)
  t.equal(sortsOnVolume({ TMPDIR: join(folder, 'none') }, folder, [folder]), false)
})

t.test('what is not there, is no folder, or cannot be written, will not', async t => {
  const folder = t.testdir()
  writeFileSync(join(folder, 'file'), '')
  t.equal(sortsOnVolume({}, folder, []), true)
  t.equal(sortsOnVolume({ TMPDIR: join(folder, 'none') }, folder, [join(folder, 'file'), '/proc/self']), true)
})

t.test(
  'one with less room than the volume will only do when it was chosen for SQLite',
  { skip: notRootForTemporary },
  async t => {
    const folder = t.testdir({ small: {} })
    const small = join(folder, 'small')
    await withMount(small, ['-t', 'tmpfs', '-o', 'size=1m', 'none'], async () => {
      t.equal(sortsOnVolume({}, folder, [small]), true)
      t.equal(sortsOnVolume({ TMPDIR: small }, folder, [folder]), true)
      t.equal(sortsOnVolume({ SQLITE_TMPDIR: small }, folder, [folder]), false)
      t.equal(sortsOnVolume({}, join(folder, 'none'), [small]), false)
    })
  },
)
