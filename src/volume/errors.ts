import { errorCode, Failure } from '../failure.ts'

/** What the kernel said, and what it means for a volume: errno(3). */
const meanings = {
  ENOSPC: 'DISK_FULL',
  EDQUOT: 'DISK_FULL',
  EFBIG: 'DISK_FULL',
  EIO: 'DISK_FULL',
  EROFS: 'VOLUME_READ_ONLY',
  EACCES: 'VOLUME_NOT_WRITABLE',
  EPERM: 'VOLUME_NOT_WRITABLE',
  EBUSY: 'CONFIG_INVALID',
  EISDIR: 'CONFIG_INVALID',
  ELOOP: 'CONFIG_INVALID',
  ENAMETOOLONG: 'CONFIG_INVALID',
  ENOTDIR: 'CONFIG_INVALID',
  EXDEV: 'CONFIG_INVALID',
  EINVAL: 'FILESYSTEM_UNSUITABLE',
  ENOSYS: 'FILESYSTEM_UNSUITABLE',
  ENOLCK: 'FILESYSTEM_UNSUITABLE',
  EOPNOTSUPP: 'FILESYSTEM_UNSUITABLE',
  ENOTSUP: 'FILESYSTEM_UNSUITABLE',
} as const

export const hints = {
  DISK_FULL: 'Free some space on the volume, then start again. Nothing was changed.',
  VOLUME_READ_ONLY: 'Mount it without ":ro" ("readOnly: true" in Kubernetes).',
  VOLUME_NOT_WRITABLE:
    'Check who owns the volume and the files in it; "chown -R" gives them to the user that runs this.',
  FILESYSTEM_UNSUITABLE:
    'Put the volume on a local disk: a filesystem like this one cannot keep a SQLite database safe.',
  CONFIG_INVALID:
    'Something else is there than a file of its own: a folder, a mount, a link in a circle, or a name that is too long. Move it away.',
} as const

/** The Failure that an error of the filesystem means; any other error is given back as it came. */
export const fileFailure = (error: unknown): unknown => {
  const code = Object.entries(meanings).find(([errno]) => errno === errorCode(error))?.[1]
  if (code === undefined || !(error instanceof Error)) return error
  return new Failure(code, `the volume cannot be read or written: ${error.message}`, hints[code], error)
}
