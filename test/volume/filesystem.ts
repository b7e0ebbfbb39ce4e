import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { filesystemOf } from '../../src/volume/filesystem.ts'
import { parseMounts } from '../../src/volume/mounts.ts'

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
