import { accessSync, closeSync, constants, openSync, realpathSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Config } from '../config.ts'
import { errorCode } from '../error-code.ts'
import { Failure } from '../failure.ts'
import { forShell } from '../for-shell.ts'
import { filesystemOf } from './filesystem.ts'
import { type Mount, mountOf } from './mounts.ts'

/** What the kernel says of this process and its mounts, as plain values: only main.ts asks for them. */
export type Host = Readonly<{
  container: boolean
  mounts: readonly Mount[]
  uid: number | undefined
  gid: number | undefined
}>

/**
 * Checks that the data directory is there, is on a mount where one is required, and can be written, and so can the database.
 * @throws Failure VOLUME_MISSING, VOLUME_NOT_MOUNTED, VOLUME_READ_ONLY, VOLUME_NOT_WRITABLE; CONFIG_INVALID when the ready
 *   marker has no place
 */
export const checkVolume = (config: Config, host: Host): void => {
  refuseMissingVolume(config.volume, host)
  refuseUnmounted(config, host)
  refuseUnwritable(config.volume, host)
  for (const suffix of databaseFiles) refuseForeignFile(config.database + suffix, host)
  refuseReadyFile(config.readyFile)
}

/** The database and what SQLite keeps beside it. */
const databaseFiles = ['', '-wal', '-shm', '-journal']

/** @throws Failure VOLUME_MISSING when there is no such folder, VOLUME_NOT_WRITABLE when it may not even be read */
export const refuseMissingVolume = (folder: string, host: Host): void => {
  const stats = statSync(folder, { throwIfNoEntry: false })
  if (stats === undefined) {
    const hint = 'Mount a volume there, or make the folder.'
    throw new Failure('VOLUME_MISSING', `data directory ${folder} does not exist`, hint)
  }
  if (!stats.isDirectory()) {
    const hint = 'Mount the volume on a folder, and name the database file in it with DATABASE_URL.'
    throw new Failure('VOLUME_MISSING', `data directory ${folder} is not a folder`, hint)
  }
  try {
    closeSync(openSync(folder, 'r'))
    statSync(`${folder}/.`)
  } catch (cause) {
    throw notAllowed('read', `data directory ${folder}`, folder, folder, host, cause)
  }
}

const refuseUnmounted = ({ volume, requireMount }: Config, host: Host): void => {
  if (requireMount === 'never' || (requireMount === 'auto' && !host.container)) return
  const mount = mountOf(host.mounts, realpathSync(volume))
  if (mount !== undefined && mount.point !== '/') return
  const target = forShell(`homelab-data:${volume}`)
  throw new Failure(
    'VOLUME_NOT_MOUNTED',
    `data directory ${volume} is not a mount: what is written there ends with the container`,
    `Add a volume: "-v ${target}" for docker run, "volumes: [homelab-data:${volume}]" in Compose, ` +
      `"volumeMounts: [{ name: data, mountPath: ${volume} }]" in Kubernetes. MIGRATOR_REQUIRE_MOUNT=never allows it.`,
  )
}

const refuseUnwritable = (folder: string, host: Host): void => {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw notWritable(`data directory ${folder}`, folder, folder, host, cause)
  }
}

/** SQLite opens a file of another user read-only without a word, and fails much later. */
const refuseForeignFile = (file: string, host: Host): void => {
  if (statSync(file, { throwIfNoEntry: false }) === undefined) return
  try {
    accessSync(file, constants.R_OK | constants.W_OK)
  } catch (cause) {
    throw notWritable(file, file, dirname(file), host, cause)
  }
}

const notWritable = (what: string, path: string, folder: string, host: Host, cause: unknown): Failure => {
  if (errorCode(cause) !== 'EROFS') return notAllowed('write', what, path, folder, host, cause)
  const hint = 'Mount it without ":ro" ("readOnly: true" in Kubernetes).'
  return new Failure('VOLUME_READ_ONLY', `${what} is mounted read-only`, hint, cause)
}

const notAllowed = (
  verb: 'read' | 'write',
  what: string,
  path: string,
  folder: string,
  { mounts, uid, gid }: Host,
  cause: unknown,
): Failure => {
  const { uid: owner, gid: group } = statSync(path)
  const inMemory = `${folder}:uid=${uid},gid=${gid}`
  const ofOthers =
    filesystemOf(mounts, folder).kind === 'memory'
      ? `Mount it for this user: "--tmpfs ${forShell(inMemory)}" for docker run, "tmpfs: [${inMemory}]" in Compose.`
      : `Run "chown -R ${uid}:${gid} ${forShell(folder)}" as root on the volume, or run as its owner: "--user ${owner}:${group}" for docker run, ` +
        `"user: ${owner}:${group}" in Compose, "fsGroup: ${gid}" in Kubernetes.`
  const hint = owner === uid ? `Its mode forbids it: run "chmod -R u+rwX ${forShell(path)}".` : ofOthers
  const message = `${what} belongs to ${owner}:${group} and user ${uid}:${gid} may not ${verb} it`
  return new Failure('VOLUME_NOT_WRITABLE', message, hint, cause)
}

/** Found out before anything is applied, not when the marker is to be written. */
const refuseReadyFile = (file: string): void => {
  const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
  if (isFolder(dirname(file)) && !isFolder(file)) return
  const hint = 'MIGRATOR_READY_FILE names a file in a folder that is there, such as /app/data/.ready.'
  throw new Failure('CONFIG_INVALID', `the ready marker cannot be written to ${file}`, hint)
}
