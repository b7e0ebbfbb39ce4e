import { realpathSync } from 'node:fs'
import { type Mount, mountOf } from './mounts.ts'

export type Filesystem = Readonly<{
  /** as the kernel's mount table has it: `ext4`, `nfs4`, `fuse.sshfs` */
  name: string
  /** whether what is written ends with the container or the machine, and whether SQLite's locks are to be tried out first */
  kind: 'local' | 'memory' | 'shared'
  /** whether a copy may be a clone, which takes no room until one of the two is written to */
  clones: boolean
}>

const memory = /^(?:tmpfs|ramfs)$/
/**
 * Over a network, from a virtual machine's host (Docker Desktop's are virtiofs, fakeowner, fuse.grpcfuse and fuse.osxfs), or by a
 * program (FUSE: sshfs, glusterfs, ceph-fuse, mergerfs, Unraid's shfs).
 */
const shared =
  /^(?:nfs4?|cifs|smb3|smbfs|9p|virtiofs|ceph|glusterfs|lustre|beegfs|afs|fakeowner|vboxsf|prl_fs|fuse|fuseblk|fuse\..+)$/

const cloning = /^(?:btrfs|bcachefs|xfs|zfs)$/

/** The filesystem that a folder is on; a local one where the mount table does not say. */
export const filesystemOf = (mounts: readonly Mount[], folder: string): Filesystem => {
  const name = mountOf(mounts, realpathSync(folder))?.filesystem ?? ''
  const kind = memory.test(name) ? 'memory' : shared.test(name) ? 'shared' : 'local'
  return { name, kind, clones: cloning.test(name) }
}
