import { dirname, join } from 'node:path'
import type { Config } from '../config.ts'
import { attempt, Failure, forShell } from '../failure.ts'
import { accessSync, constants, readFileSync, statSync } from '../fs.ts'
import { isFolder } from './files.ts'

/** Who the process is, and what changes that. */
export type Identity = Pick<NodeJS.Process, 'getuid' | 'getgid' | 'setgroups' | 'setgid' | 'setuid'>

/**
 * Switches from root to the folder's owner, before anything there is opened or created. Root would leave files that the
 * owner, the hub, cannot write; and in another user's folder a name may be swapped for a link between two calls, so
 * that root writes or gives away any file. If the switch fails, refuseRoot reports it.
 * @param program paths of this program that the owner must be able to read
 * @throws Failure VOLUME_NOT_WRITABLE if the owner may not read the program
 */
export const becomeOwner = (folder: string, program: readonly string[], identity: Identity): void => {
  if (identity.getuid?.() !== 0) return
  const found = attempt(() => statSync(folder, { throwIfNoEntry: false }))
  const owner = 'value' in found ? found.value : undefined
  if (owner === undefined || owner.uid === 0 || isUnmapped(owner.uid)) return
  const { uid, gid } = owner
  // groups first: after setuid this process may not change them
  const become = attempt(() => [identity.setgroups?.([gid]), identity.setgid?.(gid), identity.setuid?.(uid)])
  if ('error' in become) return
  const unreadable = program.find(path => 'error' in attempt(() => accessSync(path, constants.R_OK)))
  if (unreadable === undefined) return
  throw new Failure(
    'VOLUME_NOT_WRITABLE',
    `data directory ${folder} belongs to ${uid}:${gid}, which root becomes, but that user may not read ${unreadable}`,
    'Install this program where every user can read it, outside of /root.',
  )
}

/**
 * Allows root only in folders that no other user may write to.
 * @throws Failure VOLUME_NOT_WRITABLE saying how to run it instead
 */
export const refuseRoot = ({ readyFile, volume }: Config): void => {
  refuseRootIn('data directory', volume)
  refuseRootIn('folder of the ready marker', dirname(readyFile))
  const backups = join(volume, 'backups')
  if (isFolder(backups)) refuseRootIn('folder of the backups', backups)
}

const refuseRootIn = (what: string, folder: string): void => {
  const { uid, gid, mode } = statSync(folder)
  if (isUnmapped(uid)) throw notMapped(`${what} ${folder}`, folder, 0, 0)
  if (uid !== 0)
    throw new Failure(
      'VOLUME_NOT_WRITABLE',
      `${what} ${folder} belongs to ${uid}:${gid}, and root must not write to another user's folder`,
      `Run as its owner: \`--user ${uid}:${gid}\` for docker run, \`user: ${uid}:${gid}\` in Compose, \`setpriv --reuid ${uid} --regid ${gid} --clear-groups migrator up\` elsewhere.`,
    )
  const [othersMayWrite, sticky] = [0o022, 0o1000]
  // under the sticky bit no user can swap another's files, and root creates each file anew
  if ((mode & othersMayWrite) === 0 || (mode & sticky) !== 0) return
  throw new Failure(
    'VOLUME_NOT_WRITABLE',
    `${what} ${folder} belongs to root, but others may write to it`,
    `Give it to the hub's user, as in \`chown -R 1000:1000 ${forShell(folder)}\`, or to root alone: \`chmod go-w ${forShell(folder)}\`. Or run as the hub's user: \`--user 1000:1000\` for docker run.`,
  )
}

/** The id of every user that a user namespace does not map: user_namespaces(7). Outside of one it is `nobody`. */
const overflow = 65_534

export const isUnmapped = (owner: number): boolean => {
  if (owner !== overflow) return false
  const map = attempt(() => readFileSync('/proc/self/uid_map', 'utf8'))
  return 'value' in map && !/^\s*0\s+0\s+4294967295\s*$/.test(map.value)
}

/** The Failure for files of an unmapped user: nobody in this container can become that user, or take them over. */
export const notMapped = (
  what: string,
  path: string,
  uid: number | undefined,
  gid: number | undefined,
  cause?: unknown,
): Failure =>
  new Failure(
    'VOLUME_NOT_WRITABLE',
    `${what} belongs to a user of the host that this container's user namespace does not map`,
    `On the host, give the folder that is mounted on ${path} to the user that ${uid}:${gid} maps to: \`podman unshare chown -R ${uid}:${gid} FOLDER\` with rootless Podman, the ids in /etc/subuid with Docker's userns-remap.`,
    cause,
  )
