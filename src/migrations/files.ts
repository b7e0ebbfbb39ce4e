import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../failure.ts'
import { readSmallFile } from '../small-file.ts'

/** A migration that is in the image: its file is read, not run. */
export type MigrationFile = Readonly<{
  /** file name without extension: `0001-create-servers` */
  name: string
  file: string
  /** line endings normalised */
  text: string
  /** `sha256:` and the digest of the text; computed when it is asked for, which the short way of `up` never does */
  checksum: string
}>

const migrationFile = /^(?<name>\d{4}-[a-z0-9]+(?:-[a-z0-9]+)*)\.(?:ts|js|mjs)$/
/** Whether a migration can be called so, without extension. */
export const isMigrationName = (name: string): boolean => migrationFile.test(`${name}.ts`)

/**
 * The golden schema lies beside the migrations that make it. Dot files are Kubernetes' (`..data`) and git's; the rest is what a NAS, a
 * disk or a desktop makes in every folder.
 */
const otherFile =
  /^(?:schema\.sql|\..*|@eaDir|@Recycle|@Recently-Snapshot|#recycle|#snapshot|lost\+found|Thumbs\.db|desktop\.ini)$/

/**
 * The migrations in a folder, by name.
 * @throws Failure CONFIG_INVALID: no such folder, no migration in it, or a file that is none
 */
export const readMigrationFiles = (folder: string): readonly MigrationFile[] => {
  const migrations = listFolder(folder).flatMap((entry): readonly MigrationFile[] => {
    const name = migrationFile.exec(entry)?.groups?.name
    if (name !== undefined) return [toMigrationFile(name, join(folder, entry))]
    if (otherFile.test(entry)) return []
    const hint = 'Files there are called NNNN-verb-noun.ts, .js or .mjs, such as 0004-create-alerts.ts.'
    throw new Failure('CONFIG_INVALID', `${join(folder, entry)} is not a migration`, hint)
  })
  if (migrations.length === 0) {
    const hint = 'An image without its migrations is broken. Check MIGRATOR_MIGRATIONS and what is mounted there.'
    throw new Failure('CONFIG_INVALID', `no migrations in ${folder}`, hint)
  }
  return migrations
}

const toMigrationFile = (name: string, file: string): MigrationFile => {
  const text = readText(file)
  return {
    name,
    file,
    text,
    get checksum() {
      return digest(text)
    },
  }
}

const listFolder = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder).sort()
  } catch (cause) {
    const hint = 'Check MIGRATOR_MIGRATIONS: it names a folder that this user can read.'
    throw new Failure('CONFIG_INVALID', `the migrations folder ${folder} cannot be read`, hint, cause)
  }
}

/** Bytes that a migration has at most. */
const largest = 64 * 1024 * 1024

const readText = (file: string): string => {
  try {
    return String(readSmallFile(file, largest)).replaceAll('\r\n', '\n')
  } catch (cause) {
    if (cause instanceof Failure) throw cause
    throw new Failure(
      'CONFIG_INVALID',
      `${file} cannot be read`,
      'A migration is a file that this user can read.',
      cause,
    )
  }
}

/** `sha256:` and the digest of a text in UTF-8, in hex. node:crypto takes 4 ms to load, which the short way of `up` does not pay. */
export const digest = (text: string): string => `sha256:${process.getBuiltinModule('node:crypto').hash('sha256', text)}`
