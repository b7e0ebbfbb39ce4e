import { realpathSync } from 'node:fs'

/** One line of /proc/self/mountinfo (proc(5)), as far as it matters here. */
export type Mount = Readonly<{
  id: string
  /** of the mount that it is in */
  parent: string
  point: string
  filesystem: string
  source: string
  options: readonly string[]
}>

/** The mount table out of the text of /proc/self/mountinfo. Lines that do not look like one are passed over. */
export const parseMounts = (mountinfo: string): readonly Mount[] =>
  mountinfo.split('\n').flatMap(line => {
    const [before = '', after = ''] = line.split(' - ')
    const [id = '', parent = '', , , point, options] = before.split(' ')
    const [filesystem, source] = after.split(' ')
    if (point === undefined || options === undefined || filesystem === undefined || source === undefined) return []
    return [
      {
        id,
        parent,
        point: unescapeOctal(point),
        filesystem,
        source: unescapeOctal(source),
        options: options.split(','),
      },
    ]
  })

/**
 * The mount that a real path (no symlinks left in it) is on. Found as the kernel walks: from the top down, each time into the
 * first mount on the way that stands in the last one, so that what a later mount covers is passed over.
 */
export const mountOf = (mounts: readonly Mount[], path: string): Mount | undefined => {
  const ids = new Set(mounts.map(({ id }) => id))
  // what the top ones stand in is not in a container's table
  const standsIn = ({ id, parent }: Mount, from: Mount | undefined): boolean =>
    from === undefined ? parent === id || !ids.has(parent) : parent === from.id && id !== from.id
  const walk = (from: Mount | undefined): Mount | undefined => {
    const [next] = mounts
      .filter(mount => standsIn(mount, from) && isWithin(path, mount.point))
      .sort((one, other) => one.point.length - other.point.length)
    return next === undefined ? from : walk(next)
  }
  return walk(undefined)
}

const isWithin = (path: string, folder: string): boolean =>
  folder === '/' || path === folder || path.startsWith(`${folder}/`)

/** The kernel writes space, tab, newline and backslash as octal: `\040`. */
const unescapeOctal = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))

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
