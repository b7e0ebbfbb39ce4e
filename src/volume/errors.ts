import { dirname } from 'node:path'
import { attempt, errorCode, Failure, type FailureCode, forShell } from '../failure.ts'
import { statSync } from '../fs.ts'

/** What an error of the kernel or of SQLite means for the operator, and what to do about it. */
export const meanings = {
  full: { code: 'DISK_FULL', hint: 'Free some space on the volume, then start again.' },
  tooLarge: {
    code: 'DISK_FULL',
    hint: 'The filesystem, or a limit of this process (ulimit -f), does not allow a file this large.',
  },
  failing: {
    code: 'DISK_FULL',
    hint: 'The disk is failing: the kernel log (dmesg) says more. Put the volume on another one, then start again.',
  },
  readOnly: {
    code: 'VOLUME_READ_ONLY',
    hint: 'Mount it without ":ro" ("readOnly: true" in Kubernetes). The kernel also does this to a disk that fails: see dmesg.',
  },
  rights: {
    code: 'VOLUME_NOT_WRITABLE',
    hint: 'Check the owner and the mode of the volume and its files.',
  },
  gone: {
    code: 'VOLUME_MISSING',
    hint: 'Its disk, server or FUSE program no longer responds. Mount the volume again, then try again.',
  },
  changed: {
    code: 'DATABASE_BUSY',
    hint: 'Another program is working on these files, or the call was interrupted. Try again.',
  },
  inTheWay: {
    code: 'CONFIG_INVALID',
    hint: 'A folder, a mount, a circular link or an overlong name is in the way. Move it away.',
  },
  limits: {
    code: 'CONFIG_INVALID',
    hint: 'A limit of the container or machine is too low: memory, open files (nofile) or processes (pids). Raise it, then try again.',
  },
  unsuitable: {
    code: 'FILESYSTEM_UNSUITABLE',
    hint: 'Put the volume on a local disk. SQLite is not safe on a filesystem like this one.',
  },
} as const satisfies Readonly<Record<string, Readonly<{ code: FailureCode; hint: string }>>>

export type Meaning = keyof typeof meanings

/** Every errno of Linux (errno(3)) with its meaning for a file. The last group has those that no file should give. */
const errnos: Readonly<Record<Meaning, string>> = {
  full: 'ENOSPC EDQUOT',
  tooLarge: 'EFBIG EOVERFLOW',
  // some of Node's calls lose an errno that they have no name for: UNKNOWN, or an empty code
  failing: 'UNKNOWN EIO EUCLEAN EBADMSG EILSEQ EREMOTEIO EHWPOISON ENODATA ETIME',
  readOnly: 'EROFS',
  rights: 'EACCES EPERM ENOKEY EKEYEXPIRED EKEYREVOKED EKEYREJECTED',
  gone:
    'ENOTCONN ESTALE ENODEV ENXIO ENOMEDIUM EMEDIUMTYPE ETIMEDOUT EHOSTDOWN EHOSTUNREACH ENETDOWN ENETUNREACH ENETRESET ' +
    'ENONET ENOLINK ECONNABORTED ECONNREFUSED ECONNRESET ESHUTDOWN ECOMM EREMCHG ENOTRECOVERABLE EOWNERDEAD',
  changed: 'ENOENT EAGAIN EWOULDBLOCK EINTR ERESTART EDEADLK ETXTBSY ECANCELED EALREADY EINPROGRESS ESRCH ECHILD',
  inTheWay: 'EBUSY EEXIST EISDIR ELOOP EMLINK ENAMETOOLONG ENOTBLK ENOTDIR ENOTEMPTY ENOTUNIQ EXDEV',
  limits: 'EMFILE ENFILE ENOMEM ENOBUFS EUSERS E2BIG',
  unsuitable:
    'EINVAL ENOSYS ENOLCK EOPNOTSUPP ENOTSUP ENOTTY ESPIPE EPROTO EPIPE EFAULT EBADF EDOM ERANGE ENOEXEC ' +
    'EADDRINUSE EADDRNOTAVAIL EADV EAFNOSUPPORT EBADE EBADFD EBADR EBADRQC EBADSLT EBFONT ECHRNG EDESTADDRREQ EDOTDOT EIDRM EISCONN ' +
    'EISNAM EL2HLT EL2NSYNC EL3HLT EL3RST ELIBACC ELIBBAD ELIBEXEC ELIBMAX ELIBSCN ELNRNG EMSGSIZE EMULTIHOP ENAVAIL ENOANO ENOCSI ' +
    'ENOMSG ENOPKG ENOPROTOOPT ENOSR ENOSTR ENOTNAM ENOTSOCK EPFNOSUPPORT EPROTONOSUPPORT EPROTOTYPE EREMOTE ERFKILL ESOCKTNOSUPPORT ' +
    'ESRMNT ESTRPIPE ETOOMANYREFS EUNATCH EXFULL',
}

/** Errnos that Node has no name for: it calls them `Unknown system error -117`. */
const unnamed: Readonly<Record<number, string>> = {
  10: 'ECHILD',
  33: 'EDOM',
  35: 'EDEADLK',
  37: 'ENOLCK',
  67: 'ENOLINK',
  72: 'EMULTIHOP',
  74: 'EBADMSG',
  95: 'EOPNOTSUPP',
  102: 'ENETRESET',
  112: 'EHOSTDOWN',
  116: 'ESTALE',
  117: 'EUCLEAN',
  121: 'EREMOTEIO',
  122: 'EDQUOT',
  123: 'ENOMEDIUM',
  124: 'EMEDIUMTYPE',
  126: 'ENOKEY',
  127: 'EKEYEXPIRED',
  128: 'EKEYREVOKED',
  129: 'EKEYREJECTED',
  130: 'EOWNERDEAD',
  131: 'ENOTRECOVERABLE',
  133: 'EHWPOISON',
}

/** The meaning of an errno for a file, by its name; undefined for an unknown name. */
export const meaningOf = (errno: string): Meaning | undefined => {
  for (const [meaning, names] of Object.entries(errnos) as [Meaning, string][])
    if (names.split(' ').includes(errno)) return meaning
  return undefined
}

/** Maps a system error to a Failure; returns any other error unchanged. */
export const fileFailure = (error: unknown): unknown => {
  if (!isSystemError(error)) return error
  const name = error.code.startsWith('Unknown system error') ? unnamed[-error.errno] : error.code || 'UNKNOWN'
  // an errno without a name is one that no file should give
  const meaning = name === undefined ? 'unsuitable' : meaningOf(name)
  if (meaning === undefined) return error
  const { code, hint } = meanings[meaning]
  const what = name === undefined ? error.message : error.message.replaceAll(error.code, name)
  return new Failure(
    code,
    `the volume cannot be read or written: ${what}`,
    (meaning === 'rights' && rightsHint(error)) || hint,
    error,
  )
}

type SystemError = Error & Readonly<{ code: string; errno: number; path?: unknown }>

const isSystemError = (error: unknown): error is SystemError =>
  error instanceof Error &&
  typeof errorCode(error) === 'string' &&
  ('errno' in error || /^E[A-Z0-9]+$/.test(String(errorCode(error))))

/** The command that gives the folder to this user, or what else may forbid access. */
const rightsHint = ({ path }: SystemError): string | undefined => {
  const uid = process.getuid?.()
  if (typeof path !== 'string' || uid === undefined) return undefined
  const owner = attempt(() => statSync(dirname(path)))
  if (!('value' in owner)) return undefined
  const folder = forShell(dirname(path))
  if (uid === 0)
    return `Not even root may. See \`lsattr -d ${folder}\`, how it is mounted, and the capabilities of this process.`
  if (owner.value.uid === uid) return `Its mode forbids it: run \`chmod -R u+rwX ${folder}\`.`
  return `Run \`chown -R ${uid}:${process.getgid?.()} ${folder}\` as root, or run as its owner: \`--user ${owner.value.uid}:${owner.value.gid}\` for docker run.`
}
