import { accessSync, constants, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Config } from '../config.ts'
import { attempt, Failure, forShell } from '../failure.ts'
import { isFolder } from './files.ts'

type Identity = Pick<NodeJS.Process, 'getuid' | 'setgroups' | 'setgid' | 'setuid'>

/**
 * Root would leave files in the volume that its owner, the hub, cannot write; and in another's folder a name may be exchanged
 * for a link between two calls, by which root would write or give away any file. So root becomes the owner of the folder, before it
 * opens or makes anything there. Where it cannot, refuseRoot says so.
 * @param program what this program consists of: paths that the owner has to be able to read
 * @throws Failure VOLUME_NOT_WRITABLE when the owner may not read the program
 */
export const becomeOwner = (folder: string, program: readonly string[], identity: Identity): void => {
  if (identity.getuid?.() !== 0) return
  const found = attempt(() => statSync(folder, { throwIfNoEntry: false }))
  const owner = 'value' in found ? found.value : undefined
  if (owner === undefined || owner.uid === 0 || isUnmapped(owner.uid)) return
  const { uid, gid } = owner
  // the groups go first: afterwards there is no right to
  const become = attempt(() => [identity.setgroups?.([gid]), identity.setgid?.(gid), identity.setuid?.(uid)])
  if ('error' in become) return
  const unreadable = program.find(path => 'error' in attempt(() => accessSync(path, constants.R_OK)))
  if (unreadable === undefined) return
  throw new Failure(
    'VOLUME_NOT_WRITABLE',
    `data directory ${folder} belongs to ${uid}:${gid}, whom root becomes, and who may not read ${unreadable}`,
    'Put this program where all users can read it, outside of /root.',
  )
}

/**
 * Root goes on as root only in folders that nobody else may write to.
 * @throws Failure VOLUME_NOT_WRITABLE saying how to run it
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
      `${what} ${folder} belongs to ${uid}:${gid}, and root does not write into another user's folder`,
      `Run as its owner: "--user ${uid}:${gid}" for docker run, "user: ${uid}:${gid}" in Compose, "setpriv --reuid ${uid} --regid ${gid} --clear-groups migrator up" elsewhere.`,
    )
  const [othersMayWrite, sticky] = [0o022, 0o1000]
  // under the sticky bit nobody can exchange what is another's, and root makes each file anew
  if ((mode & othersMayWrite) === 0 || (mode & sticky) !== 0) return
  throw new Failure(
    'VOLUME_NOT_WRITABLE',
    `${what} ${folder} belongs to root, and others may write to it`,
    `Give it to the hub's user, such as "chown -R 1000:1000 ${forShell(folder)}", or to root alone: "chmod go-w ${forShell(folder)}". Or run as the hub's user: "--user 1000:1000" for docker run.`,
  )
}

/** Stands for every user whom a user namespace does not have: user_namespaces(7). Outside of one it is `nobody`. */
const overflow = 65_534

export const isUnmapped = (owner: number): boolean => {
  if (owner !== overflow) return false
  const map = attempt(() => readFileSync('/proc/self/uid_map', 'utf8'))
  return 'value' in map && !/^\s*0\s+0\s+4294967295\s*$/.test(map.value)
}

/** What belongs to a user whom nobody in this container can become, or take it from. */
export const notMapped = (
  what: string,
  path: string,
  uid: number | undefined,
  gid: number | undefined,
  cause?: unknown,
): Failure =>
  new Failure(
    'VOLUME_NOT_WRITABLE',
    `${what} belongs to a user of the host whom this container's user namespace does not have`,
    `On the host, give it to the user that ${uid}:${gid} is there: "podman unshare chown -R ${uid}:${gid} FOLDER" for rootless Podman, the ids of /etc/subuid for Docker's userns-remap, where FOLDER is what is mounted on ${path}.`,
    cause,
  )
