import { realpathSync } from '../fs.ts'

/** The fields used here of a line of /proc/self/mountinfo (proc(5)). */
export type Mount = Readonly<{
  id: string
  /** id of the parent mount */
  parent: string
  point: string
  filesystem: string
  source: string
  options: readonly string[]
}>

/** Parses the text of /proc/self/mountinfo. Skips malformed lines. */
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
 * The mount that a real path (no symlinks left in it) is on. Walks as the kernel does: from the top down, each time
 * into the first child mount on the path, so that mounts hidden by a later one are skipped.
 */
export const mountOf = (mounts: readonly Mount[], path: string): Mount | undefined => {
  const ids = new Set(mounts.map(({ id }) => id))
  // the parent of the top mounts is not in a container's table
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
  text.includes('\\')
    ? text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
    : text

type Filesystem = Readonly<{
  /** as the kernel's mount table has it: `ext4`, `nfs4`, `fuse.sshfs` */
  name: string
  /** `memory` is lost with the container or the machine; on `shared` SQLite's locks are tested first */
  kind: 'local' | 'memory' | 'shared'
  /** whether a copy may be a clone, which takes no space until one of the two is written to */
  clones: boolean
}>

const memory = /^(?:tmpfs|ramfs)$/
/**
 * Network filesystems, those from a virtual machine's host (Docker Desktop's are virtiofs, fakeowner, fuse.grpcfuse and
 * fuse.osxfs), and FUSE (sshfs, glusterfs, ceph-fuse, mergerfs, Unraid's shfs).
 */
const shared =
  /^(?:nfs4?|cifs|smb3|smbfs|9p|virtiofs|ceph|glusterfs|lustre|beegfs|afs|fakeowner|vboxsf|prl_fs|fuse|fuseblk|fuse\..+)$/

const cloning = /^(?:btrfs|bcachefs|xfs|zfs)$/

/** The filesystem of a folder; a local one if the mount table does not tell. */
export const filesystemOf = (mounts: readonly Mount[], folder: string): Filesystem => {
  const name = mountOf(mounts, realpathSync.native(folder))?.filesystem ?? ''
  const kind = memory.test(name) ? 'memory' : shared.test(name) ? 'shared' : 'local'
  return { name, kind, clones: cloning.test(name) }
}
