import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { filesystemOf, mountOf, parseMounts } from '../../src/volume/mounts.ts'

const mountsOf = (folder: string, filesystem: string) =>
  parseMounts(`1 0 0:1 / / rw - overlay overlay rw\n2 1 0:2 / ${folder} rw - ${filesystem} source rw\n`)

for (const [kind, names] of [
  ['local', ['ext4', 'xfs', 'btrfs', 'zfs', 'overlay', 'f2fs', 'bcachefs']],
  ['memory', ['tmpfs', 'ramfs']],
  [
    'shared',
    [
      ...['nfs', 'nfs4', 'cifs', 'smb3', '9p', 'virtiofs', 'ceph', 'fakeowner', 'fuse', 'fuseblk'],
      ...[
        'fuse.sshfs',
        'fuse.glusterfs',
        'fuse.ceph-fuse',
        'fuse.grpcfuse',
        'fuse.osxfs',
        'fuse.mergerfs',
        'fuse.shfs',
      ],
    ],
  ],
] as const) {
  for (const name of names) {
    t.test(`${name} is ${kind}`, async t => {
      const folder = t.testdir()
      t.match(filesystemOf(mountsOf(folder, name), folder), { name, kind })
    })
  }
}

t.test('a link is followed to the mount that it leads to', async t => {
  const folder = t.testdir({ real: {} })
  symlinkSync(join(folder, 'real'), join(folder, 'link'))
  t.match(filesystemOf(mountsOf(join(folder, 'real'), 'nfs4'), join(folder, 'link')), { kind: 'shared' })
})

t.test('without a mount table it is taken for a local one', async t => {
  t.strictSame(filesystemOf([], t.testdir()), { name: '', kind: 'local', clones: false })
})

t.test('some filesystems have clones', async t => {
  const folder = t.testdir()
  for (const name of ['btrfs', 'xfs', 'zfs'])
    t.strictSame(filesystemOf(mountsOf(folder, name), folder), { name, kind: 'local', clones: true })
})

const mountinfo = `1510 1336 0:126 / / rw,relatime master:490 - overlay overlay rw,lowerdir=/a,upperdir=/b
1511 1510 0:129 / /proc rw,nosuid - proc proc rw
1520 1510 254:0 /volumes/homelab-data/_data /app/data rw,relatime - ext4 /dev/vda1 rw
1521 1520 0:130 / /app/data rw - tmpfs tmpfs rw
1522 1510 0:131 / /with\\040space ro - nfs4 server:/export\\0112 rw
not a mount line
`

t.test('a mount has its point, filesystem, source and options', async t => {
  const mounts = parseMounts(mountinfo)
  t.equal(mounts.length, 5)
  t.match(mounts[2], { point: '/app/data', filesystem: 'ext4', source: '/dev/vda1', options: ['rw', 'relatime'] })
})

t.test('octal escapes are undone', async t => {
  t.match(parseMounts(mountinfo)[4], { point: '/with space', source: 'server:/export\t2' })
})

t.test('a mount that a later one covers is not the one that a path is on', async t => {
  const covered = `10 1 0:1 / / rw - overlay overlay rw
11 10 0:2 / /app/data rw - ext4 /dev/sda1 rw
12 10 0:3 / /app rw - tmpfs tmpfs rw
`
  t.match(mountOf(parseMounts(covered), '/app/data'), { filesystem: 'tmpfs' })
})

t.test('where the root is no mount, as after chroot, the others are found', async t => {
  t.match(mountOf(parseMounts('11 10 0:2 / /app/data rw - ext4 /dev/sda1 rw'), '/app/data'), { filesystem: 'ext4' })
  t.equal(mountOf(parseMounts('11 10 0:2 / /app/data rw - ext4 /dev/sda1 rw'), '/app'), undefined)
})

t.test('a path is on the longest mount point above it, the last one mounted there', async t => {
  const mounts = parseMounts(mountinfo)
  t.match(mountOf(mounts, '/app/data/sub'), { filesystem: 'tmpfs' })
  t.match(mountOf(mounts, '/app/database'), { point: '/' })
  t.match(mountOf(mounts, '/'), { point: '/' })
})

t.test('without a mount table there is no mount', async t => {
  t.equal(mountOf(parseMounts(''), '/app'), undefined)
})
