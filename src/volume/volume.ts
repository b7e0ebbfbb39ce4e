import { basename, dirname, join } from 'node:path'
import type { Config, Environment } from '../config.ts'
import { attempt, errorCode, Failure, forShell, unlessGone } from '../failure.ts'
import { accessSync, closeSync, constants, existsSync, lstatSync, openSync, realpathSync, statSync } from '../fs.ts'
import { fileFailure } from './errors.ts'
import { freeBytes, isFolder, removeFile, replaceFile } from './files.ts'
import { filesystemOf, type Mount, mountOf } from './mounts.ts'
import { isUnmapped, notMapped, refuseRoot } from './owner.ts'

/** What the kernel says of this process and its mounts, as plain values: only main.ts reads them. */
export type Host = Readonly<{
  container: boolean
  mounts: readonly Mount[]
  uid: number | undefined
  gid: number | undefined
}>

/**
 * Checks that the data directory exists, is on a mount if one is required, and that it and the database are writable.
 * @throws Failure VOLUME_MISSING, VOLUME_NOT_MOUNTED, VOLUME_READ_ONLY, VOLUME_NOT_WRITABLE; CONFIG_INVALID if the
 *   ready marker has no folder, or a file is mounted alone
 */
export const requireVolume = (config: Config, host: Host): void => {
  const { database, readyFile, volume } = config
  requireFolder(volume, host)
  refuseMountedFile(config, host)
  refuseUnmounted(config, host)
  refuseReadyFile(readyFile)
  if (host.uid === 0) refuseRoot(config)
  refuseUnwritable(`data directory ${volume}`, volume, host)
  for (const suffix of databaseFiles) refuseForeignFile(database + suffix, host)
}

/** Suffixes of the database and of the files that SQLite keeps beside it. */
export const databaseFiles = ['', '-wal', '-shm', '-journal']

/** @throws Failure VOLUME_MISSING if there is no such folder, VOLUME_NOT_WRITABLE if it may not even be read */
export const requireFolder = (folder: string, host: Host): void => {
  const stats = statSync(folder, { throwIfNoEntry: false })
  if (stats === undefined) {
    const hint = `Mount a volume there, or make it: \`mkdir -p ${forShell(folder)}\`.`
    throw new Failure('VOLUME_MISSING', `data directory ${folder} does not exist`, hint)
  }
  if (!stats.isDirectory()) {
    const hint = 'Mount the volume on a folder, and set DATABASE_URL to a file in it.'
    throw new Failure('VOLUME_MISSING', `data directory ${folder} is not a folder`, hint)
  }
  try {
    closeSync(openSync(folder, 'r'))
    statSync(`${folder}/.`)
  } catch (cause) {
    throw notAllowed('read', `data directory ${folder}`, folder, folder, host, cause)
  }
}

/** SQLite creates -wal and -journal in the container's folder, not beside the file outside: they are lost. */
const refuseMountedFile = ({ database, readyFile }: Config, { mounts }: Host): void => {
  const files = [...databaseFiles.map(suffix => database + suffix), readyFile]
  const isMounted = (file: string): boolean => {
    const end = `/${basename(file)}`
    if (!mounts.some(({ point }) => point.endsWith(end)) || !existsSync(dirname(file))) return false
    const path = join(realpathSync.native(dirname(file)), basename(file))
    return mountOf(mounts, path)?.point === path
  }
  const mounted = files.find(isMounted)
  if (mounted === undefined) return
  const hint = `Mount its folder instead, and set ${mounted === readyFile ? 'MIGRATOR_READY_FILE' : 'DATABASE_URL'} to the file in it.`
  const why = mounted === readyFile ? 'which cannot be replaced' : 'without the folder that its -wal and -journal need'
  throw new Failure('CONFIG_INVALID', `${mounted} is mounted as a single file, ${why}`, hint)
}

const refuseUnmounted = ({ volume, requireMount }: Config, host: Host): void => {
  if (requireMount === 'never' || (requireMount === 'auto' && !host.container)) return
  const mount = mountOf(host.mounts, realpathSync.native(volume))
  if (mount !== undefined && mount.point !== '/') return
  const target = forShell(`homelab-data:${volume}`)
  throw new Failure(
    'VOLUME_NOT_MOUNTED',
    `data directory ${volume} is not a mount: it would be lost with the container`,
    isOfSystem(volume)
      ? folderOfItsOwn(volume)
      : `Add a volume: \`-v ${target}\` for docker run, \`volumes: [homelab-data:${volume}]\` in Compose, ` +
          `\`volumeMounts: [{ name: data, mountPath: ${volume} }]\` in Kubernetes. MIGRATOR_REQUIRE_MOUNT=never allows it.`,
  )
}

/** Whether a mount on this folder would hide this program, or what it needs of the system. */
const isOfSystem = (folder: string): boolean =>
  `${import.meta.dirname}/`.startsWith(folder === '/' ? folder : `${folder}/`) ||
  /^\/(?:bin|boot|dev|etc|home|lib\w*|proc|run|sbin|sys|tmp|usr|usr\/local|var)$/.test(folder)

const folderOfItsOwn = (folder: string): string =>
  `The system needs ${folder}. Put the database in a folder of its own, as in DATABASE_URL=sqlite:${join(folder, 'data/homelab.db')}, and mount the volume there.`

/** @throws Failure VOLUME_READ_ONLY, VOLUME_NOT_WRITABLE if an existing folder may not be written */
export const refuseUnwritable = (what: string, folder: string, host: Host): void => {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw notWritable(what, folder, folder, host, cause)
  }
}

/** SQLite silently opens a file of another user read-only, and fails much later. */
const refuseForeignFile = (file: string, host: Host): void => {
  if (statSync(file, { throwIfNoEntry: false }) === undefined) return
  try {
    // a running hub deletes its journal with each commit
    unlessGone(() => accessSync(file, constants.R_OK | constants.W_OK))
  } catch (cause) {
    throw notWritable(file, file, dirname(file), host, cause)
  }
}

const notWritable = (what: string, path: string, folder: string, host: Host, cause: unknown): Failure => {
  if (errorCode(cause) !== 'EROFS') return notAllowed('write', what, path, folder, host, cause)
  const hint = 'Mount it without `:ro` (`readOnly: true` in Kubernetes).'
  return new Failure('VOLUME_READ_ONLY', `${what} is mounted read-only`, hint, cause)
}

const notAllowed = (
  verb: 'read' | 'write',
  what: string,
  path: string,
  folder: string,
  { container, mounts, uid, gid }: Host,
  cause: unknown,
): Failure => {
  const { uid: owner, gid: group } = statSync(path)
  if (isUnmapped(owner)) return notMapped(what, path, uid, gid, cause)
  const inMemory = `${folder}:uid=${uid},gid=${gid}`
  const ofOthers =
    filesystemOf(mounts, folder).kind === 'memory'
      ? `Mount it for this user: \`--tmpfs ${forShell(inMemory)}\` for docker run, \`tmpfs: [${inMemory}]\` in Compose.`
      : `Run \`chown -R ${uid}:${gid} ${container ? 'FOLDER' : forShell(folder)}\` as root${container ? ` on the host, where FOLDER is what is mounted on ${folder}` : ''}, or run as its owner: \`--user ${owner}:${group}\` for docker run, ` +
        `\`user: ${owner}:${group}\` in Compose, \`fsGroup: ${gid}\` in Kubernetes.`
  const hint = owner === uid ? `Its mode forbids it: run \`chmod -R u+rwX ${forShell(path)}\`.` : ofOthers
  const message = `${what} belongs to ${owner}:${group} and user ${uid}:${gid} may not ${verb} it`
  return new Failure('VOLUME_NOT_WRITABLE', message, isOfSystem(folder) ? folderOfItsOwn(folder) : hint, cause)
}

/** Checked before anything is applied, not when the marker is written. */
const refuseReadyFile = (file: string): void => {
  if (isFolder(dirname(file)) && !isFolder(file)) return
  const hint = 'Set MIGRATOR_READY_FILE to a file in an existing folder, such as /app/data/.ready.'
  throw new Failure('CONFIG_INVALID', `the ready marker cannot be written to ${file}`, hint)
}

/**
 * Resolves a database path that is a symbolic link: SQLite names -wal and -journal after the file itself.
 * @throws Failure CONFIG_INVALID if the link leaves its folder or is dangling: the data would not be on its volume
 */
export const followLink = <Place extends Pick<Config, 'database' | 'volume'>>(config: Place): Place => {
  const { database, volume } = config
  const isLink = attempt(() => lstatSync(database, { throwIfNoEntry: false })?.isSymbolicLink() === true)
  // requireVolume reports a folder that cannot be read
  if (!('value' in isLink && isLink.value)) return config
  const target = attempt(() => realpathSync(database))
  if ('value' in target && dirname(target.value) === realpathSync(volume))
    return { ...config, database: join(volume, basename(target.value)) }
  const where = 'value' in target ? `to ${target.value}, which is not beside it` : 'that leads nowhere'
  throw new Failure(
    'CONFIG_INVALID',
    `the database ${database} is a link ${where}`,
    'Mount the volume where the database itself is, and set DATABASE_URL to that file.',
  )
}

/**
 * Tests beside a file what a run needs of its folder: write, fsync, rename, fsync of the folder, delete. Permissions do
 * not show a quota, a failing disk, or a filesystem that lacks one of these. Call it under the write lock, or on a
 * folder of this run's own. The probe is named after the file, so that two databases do not collide, and the next run
 * removes what a killed one left.
 * @throws Failure DISK_FULL, VOLUME_READ_ONLY, VOLUME_NOT_WRITABLE, FILESYSTEM_UNSUITABLE
 */
export const probeFolderOf = (file: string): void => {
  const probe = `${file}.migrator-probe`
  try {
    replaceFile(probe, `made to see whether ${dirname(file)} can be written; it may be removed\n`)
    removeFile(probe)
  } catch (error) {
    attempt(() => removeFile(probe))
    throw fileFailure(error)
  }
}

/**
 * Whether this process runs in a container: two signs must agree, since each alone occurs outside, too. Docker leaves
 * `/.dockerenv`, Podman `/run/.containerenv` and `container=`, Kubernetes its service address; image-based roots are an
 * overlay; every engine mounts its own `/etc/hosts` or `/etc/resolv.conf`.
 * @param root the folder to look for the files in: `/`, except in tests
 */
export const isContainer = (root: string, environment: Environment, mounts: readonly Mount[]): boolean => {
  const signs = [
    existsSync(join(root, '.dockerenv')) || existsSync(join(root, 'run/.containerenv')),
    Boolean(environment.container),
    Boolean(environment.KUBERNETES_SERVICE_HOST),
    mountOf(mounts, '/')?.filesystem === 'overlay',
    mounts.some(({ point }) => point === '/etc/hosts' || point === '/etc/resolv.conf'),
  ]
  return signs.filter(Boolean).length >= 2
}

/** Where SQLite puts temporary files, https://www.sqlite.org/tempfiles.html#temporary_file_storage_locations */
const usual = ['/var/tmp', '/usr/tmp', '/tmp']

/**
 * Whether the volume is the best place for SQLite's temporary files (sorts that do not fit in memory). With a read-only
 * root there is no other, and a large CREATE INDEX would fail halfway (SQLITE_IOERR_GETTEMPPATH); a small /tmp would
 * fill up. A folder that SQLITE_TMPDIR names is the user's choice.
 */
export const sortsOnVolume = ({ SQLITE_TMPDIR, TMPDIR }: Environment, volume: string, others = usual): boolean => {
  const folder = [SQLITE_TMPDIR, TMPDIR, ...others].find(isWritable)
  return folder === undefined || (folder !== SQLITE_TMPDIR && roomIn(folder) < roomIn(volume))
}

const isWritable = (folder: string | undefined): folder is string =>
  folder !== undefined &&
  isFolder(folder) &&
  'value' in attempt(() => accessSync(folder, constants.W_OK | constants.X_OK))

/** Free bytes; 0 if there is no such folder, which requireVolume reports. */
const roomIn = (folder: string): number => {
  const room = attempt(() => freeBytes(folder))
  return 'value' in room ? room.value : 0
}
