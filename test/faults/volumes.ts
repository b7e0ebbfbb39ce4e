/** Volumes that are not what they should be, with real mounts and real users. Needs root, to make them. */
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { withMount } from '../help/mount.ts'
import { inNamespace } from '../help/namespace.ts'
import { dump, entry, measured, root, runProgram, settingsFor } from '../help/program.ts'

const skip = process.getuid?.() !== 0 && 'needs root, to mount and to be another user'

const noVfat = spawnSync('which', ['mkfs.vfat']).status !== 0 && 'needs mkfs.vfat'

/** A folder that every user may enter; those of tap belong to root alone on some machines. */
const makeFolder = (t: Pick<Test, 'teardown'>): string => {
  const folder = mkdtempSync(join(tmpdir(), 'volume-'))
  chmodSync(folder, 0o755)
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Compiled code for each user, who may not read another's. */
const compiled = mkdtempSync(join(tmpdir(), 'compiled-'))
chmodSync(compiled, 0o777)
t.teardown(() => rmSync(compiled, { recursive: true }))

/** The real program as another user; `env -i` keeps it out of the coverage that tap counts, which that user cannot write. */
/** @param within a command that runs the program in turn */
const runAs = (uid: number, words: readonly string[], folder: string, group = uid, within: readonly string[] = []) => {
  const environment = {
    NODE_COMPILE_CACHE: join(compiled, `${uid}`),
    ...measured,
    ...settingsFor(folder),
  }
  const settings = Object.entries(environment).map(pair => pair.join('='))
  const user = ['setpriv', '--reuid', `${uid}`, '--regid', `${uid}`, '--groups', `${group}`]
  const command = ['-i', ...settings, ...user, ...within, process.execPath, entry, ...words]
  const { status, stdout, stderr } = spawnSync('/usr/bin/env', command, { encoding: 'utf8', cwd: '/' })
  return { exitCode: status, stdout, stderr }
}

t.test('a read-only bind mount is refused with 12, and can be looked at', { skip }, async t => {
  const folder = makeFolder(t)
  const [source, data] = [join(folder, 'source'), join(folder, 'data')]
  mkdirSync(source)
  mkdirSync(data)
  await runProgram([], settingsFor(source))
  await withMount(data, ['--bind', '-o', 'ro', source], async () => {
    const before = dump(join(source, 'homelab.db'))
    const names = readdirSync(source)
    t.match(await runProgram([], settingsFor(data)), { exitCode: 12, failure: 'VOLUME_READ_ONLY' })
    t.match(await runProgram(['backup'], settingsFor(data)), { exitCode: 12 })
    t.match(await runProgram(['restore', '--latest', '--yes'], settingsFor(data)), { exitCode: 12 })
    t.match(await runProgram(['status'], settingsFor(data)), { exitCode: 0, stdout: /0 pending/ })
    t.match(await runProgram(['backups'], settingsFor(data)), { exitCode: 0 })
    t.strictSame(readdirSync(source), names)
    t.equal(dump(join(source, 'homelab.db')), before)
  })
})

t.test('a volume of root is refused for another user, with the line that mends it, which does', { skip }, async t => {
  const data = makeFolder(t)
  const refused = runAs(1000, [], data)
  t.match(refused, { exitCode: 12, stderr: /belongs to 0:0 and user 1000:1000 may not write it/ })
  const [, owner = '', folder = ''] = /chown -R (\d+:\d+) (\S+?)`/.exec(refused.stderr) ?? []
  t.strictSame([owner, folder], ['1000:1000', data])
  t.strictSame(readdirSync(data), [])
  spawnSync('chown', ['-R', owner, folder])
  t.match(runAs(1000, [], data), { exitCode: 0 })
})

t.test(
  'a volume of a user that a user namespace does not map is refused, and who has to give it away is told',
  { skip },
  async t => {
    for (const [user, owner, map] of [
      [0, 1000, '--map-root-user'],
      [1000, 0, '--map-current-user'],
    ] as const) {
      const data = makeFolder(t)
      chownSync(data, owner, owner)
      const refused = runAs(user, [], data, user, ['unshare', '--user', map])
      t.match(refused, { exitCode: 12, stderr: /of the host that this container's user namespace does not map/ })
      t.match(refused.stderr, `podman unshare chown -R ${user}:${user} FOLDER`)
      t.strictSame(readdirSync(data), [])
    }
  },
)

t.test('a folder of the system is nothing to give away: the database needs one of its own', { skip }, async t => {
  t.match(runAs(1000, [], '/usr'), { exitCode: 12, stderr: /in a folder of its own, as in DATABASE_URL=/ })
})

for (const suffix of ['', '-wal', '-shm', '-journal']) {
  t.test(`a file homelab.db${suffix} of another user is refused by name, and not touched`, { skip }, async t => {
    const data = makeFolder(t)
    chownSync(data, 1000, 1000)
    t.match(runAs(1000, [], data), { exitCode: 0 })
    const file = join(data, `homelab.db${suffix}`)
    if (suffix !== '') writeFileSync(file, '')
    chownSync(file, 0, 0)
    chmodSync(file, 0o644)
    const before = readFileSync(file)
    for (const words of [[], ['backup']]) {
      const outcome = runAs(1000, words, data)
      t.match(outcome, { exitCode: 12, stderr: /belongs to 0:0/ })
      t.ok(outcome.stderr.includes(`${file} belongs`))
    }
    t.strictSame(readFileSync(file), before)
  })
}

t.test('what another user may not even read is refused by every command that reads', { skip }, async t => {
  const data = makeFolder(t)
  await runProgram([], settingsFor(data))
  chmodSync(join(data, 'homelab.db'), 0o600)
  t.match(runAs(1000, ['status'], data), { exitCode: 12 })
  chmodSync(data, 0o700)
  for (const words of [[], ['status'], ['backups'], ['backup'], ['wait', '--timeout', '0']])
    t.match(runAs(1000, words, data), { exitCode: 12, stderr: /VOLUME_NOT_WRITABLE/ }, words.join(' '))
})

t.test('backups belong to whom the database belongs, also when root makes them', { skip }, async t => {
  const data = makeFolder(t)
  chownSync(data, 1000, 1000)
  runAs(1000, [], data)
  t.match(runAs(0, ['backup'], data), { exitCode: 0 })
  for (const path of ['backups', join('backups', readdirSync(join(data, 'backups'))[0] ?? '')])
    t.match(statSync(join(data, path)), { uid: 1000, gid: 1000 }, path)
  t.match(runAs(1000, ['restore', '--latest', '--yes'], data), { exitCode: 0 })
  t.match(runAs(0, ['restore', '--latest', '--yes'], data), { exitCode: 0 })
  t.match(statSync(join(data, 'homelab.db')), { uid: 1000, gid: 1000 })
  t.match(runAs(1000, [], data), { exitCode: 0 })
})

t.test('a database in another group of users stays as it is', { skip }, async t => {
  const data = makeFolder(t)
  chownSync(data, 1000, 2000)
  chmodSync(data, 0o2775)
  runAs(1000, [], data)
  const { mode, gid } = statSync(join(data, 'homelab.db'))
  t.strictSame([mode & 0o777, gid], [0o664, 2000])
  const hub = new Database(join(data, 'homelab.db'))
  hub.exec("INSERT INTO servers (id, hostname) VALUES ('a', 'a.lan')")
  for (const suffix of ['-wal', '-shm'])
    t.equal(statSync(join(data, `homelab.db${suffix}`)).mode & 0o777, 0o664, suffix)
  hub.close()
})

t.test(
  'a member of the group that shares the volume restores, and the group has the database still',
  { skip },
  async t => {
    const data = makeFolder(t)
    chownSync(data, 1000, 2000)
    chmodSync(data, 0o775)
    runAs(1000, [], data, 2000)
    chownSync(join(data, 'homelab.db'), 1000, 2000)
    t.match(runAs(1000, ['backup'], data, 2000), { exitCode: 0 })
    chmodSync(join(data, 'backups'), 0o775)
    t.match(runAs(1001, ['restore', '--latest', '--yes'], data, 2000), { exitCode: 0 })
    const { mode, uid, gid } = statSync(join(data, 'homelab.db'))
    t.strictSame([mode & 0o777, uid, gid], [0o664, 1001, 2000])
    t.match(runAs(1000, ['up'], data, 2000), { exitCode: 0 })
  },
)

t.test('a lost database that root restores belongs to whom the backup belongs', { skip }, async t => {
  const data = makeFolder(t)
  // of root, so that root does not become its owner first
  chmodSync(data, 0o1777)
  runAs(1000, [], data)
  runAs(1000, ['backup'], data)
  chownSync(join(data, 'backups'), 0, 0)
  rmSync(join(data, 'homelab.db'))
  t.match(runAs(0, ['restore', '--latest', '--yes'], data), { exitCode: 0 })
  t.match(statSync(join(data, 'homelab.db')), { uid: 1000, gid: 1000 })
  t.match(runAs(1000, [], data), { exitCode: 0 })
})

t.test(
  'root becomes the owner of the volume, and refuses to go on as root where others may write',
  { skip },
  async t => {
    const data = makeFolder(t)
    chownSync(data, 1000, 1000)
    t.match(runAs(0, [], data), { exitCode: 0 })
    for (const name of ['homelab.db', '.ready']) t.match(statSync(join(data, name)), { uid: 1000, gid: 1000 }, name)
    const open = makeFolder(t)
    chmodSync(open, 0o777)
    t.match(runAs(0, [], open), { exitCode: 12, stderr: /chmod go-w/ })
    t.strictSame(readdirSync(open), [])
  },
)

t.test(
  'a folder of backups that belongs to root is refused with the line that mends it, before anything runs',
  { skip },
  async t => {
    const data = makeFolder(t)
    mkdirSync(join(data, 'backups'))
    chownSync(data, 1000, 1000)
    t.match(runAs(1000, ['up', '--to', '0002-create-metrics'], data), { exitCode: 0 })
    const before = dump(join(data, 'homelab.db'))
    t.match(runAs(1000, [], data), { exitCode: 12, stderr: /chown -R 1000:1000/ })
    t.equal(dump(join(data, 'homelab.db')), before)
  },
)

t.test('on a filesystem without modes and owners backups and restores work', { skip: skip || noVfat }, async t => {
  const folder = makeFolder(t)
  const [image, data] = [join(folder, 'image'), join(folder, 'data')]
  writeFileSync(image, '')
  truncateSync(image, 16 * 1024 * 1024)
  spawnSync('mkfs.vfat', [image])
  mkdirSync(data)
  await withMount(data, ['-o', 'loop,uid=0,umask=000', image], async () => {
    for (const words of [['up', '--to', '0002-create-metrics'], [], ['backup'], ['restore', '--latest', '--yes']])
      t.match(runAs(1000, words, data), { exitCode: 0 }, words.join(' '))
  })
})

t.test('in memory it works, with a warning at each run', { skip }, async t => {
  const data = makeFolder(t)
  await withMount(data, ['-t', 'tmpfs', 'none'], async () => {
    for (const event of ['up.done', 'up.nothing']) {
      const { exitCode, events } = await runProgram([], settingsFor(data))
      t.equal(exitCode, 0)
      t.match(events.at(0), { event: 'volume.memory', level: 'warn', filesystem: 'tmpfs' })
      t.match(events.at(-1), { event })
    }
  })
})

t.test('on a read-only root SQLite sorts on the volume', { skip }, async t => {
  const data = makeFolder(t)
  await runProgram([], settingsFor(data))
  const print = `process.on('exit', () => require('fs').writeSync(1, process.env.SQLITE_TMPDIR ?? 'none'))`
  const preload = join(data, 'print.cjs')
  writeFileSync(preload, print)
  const run = (mounts: string): string =>
    inNamespace(mounts, settingsFor(data), { node: ['--require', preload] }).stdout.trim()
  t.equal(run(''), 'none')
  // the volume is below /tmp, and the checkout may be: they stay writable by mounts of their own
  const own = [data, root].map(folder => `mount --bind ${folder} ${folder} && `).join('')
  const readOnly = `mount -t tmpfs -o ro none /var/tmp && mount --bind /tmp /tmp && ${own}mount -o remount,ro,bind /tmp &&`
  t.equal(run(readOnly), data)
})
