import { join } from 'node:path'
import { Failure } from '../failure.ts'
import { readdirSync } from '../fs.ts'
import { readSmallFile } from '../small-file.ts'

/** A migration in the image: its file is read, not run. */
export type MigrationFile = Readonly<{
  /** file name without extension: `0001-create-servers` */
  name: string
  file: string
  /** line endings normalised */
  text: string
  /** `sha256:` and the digest of the text; computed on access, which the short way of `up` never needs */
  checksum: string
}>

/** The engines of which a migration may have a text of its own: `0004-create-alerts.postgres.ts` beside `0004-create-alerts.ts`. */
export type Dialect = 'sqlite' | 'postgres'

/** The names of `create`, and those of sequelize-cli: `20240101120000-create-servers`. */
const migrationFile = /^(?<name>\d{4}-[a-z0-9]+(?:-[a-z0-9]+)*|\d{14}-[\w-]+)\.(?:ts|js|mjs|cjs|sql)$/
/** Whether this is a valid name of a migration, without extension. */
export const isMigrationName = (name: string): boolean => migrationFile.test(`${name}.ts`)

/** Whether sequelize-cli named a migration, by the time when it was made. */
export const hasTime = (name: string): boolean => /^\d{14}-/.test(name)

/**
 * Files to ignore: the golden schema, data and helpers of migrations (`0004-rooms.json`, `_names.ts`), dot files of
 * Kubernetes (`..data`) and git, and what a NAS, a disk or a desktop puts in every folder.
 */
const otherFile =
  /^(?:schema(?:\.postgres)?\.sql|.*\.(?:json|csv)|_.*|\..*|@eaDir|@Recycle|@Recently-Snapshot|#recycle|#snapshot|lost\+found|Thumbs\.db|desktop\.ini)$/

/** A twin: the text of a migration for one engine. */
const twinFile = /^(?<name>\d{4}-[a-z0-9]+(?:-[a-z0-9]+)*|\d{14}-[\w-]+)\.postgres\.(?:ts|js|mjs|cjs|sql)$/

/**
 * Reads the migrations in a folder, sorted by name.
 * @param dialect of the engine that runs them: a migration's twin for it takes the place of its common text
 * @throws Failure CONFIG_INVALID if there is no such folder, no migration in it, or a file that is none
 */
export const readMigrationFiles = (folder: string, dialect: Dialect = 'sqlite'): readonly MigrationFile[] => {
  const entries = listFolder(folder)
  const twins = new Map<string, string>()
  for (const entry of entries) {
    const name = twinFile.exec(entry)?.groups?.name
    if (name !== undefined && twins.has(name)) throw twice(join(folder, entry), String(twins.get(name)))
    if (name !== undefined) twins.set(name, entry)
  }
  const migrations = entries.flatMap((entry): readonly MigrationFile[] => {
    const name = migrationFile.exec(entry)?.groups?.name
    if (name !== undefined)
      return [toMigrationFile(name, `${folder}/${(dialect === 'postgres' && twins.get(name)) || entry}`)]
    if (otherFile.test(entry) || twinFile.test(entry)) return []
    const hint =
      'Migrations are called NNNN-verb-noun.ts, .js, .mjs, .cjs or .sql, such as 0004-create-alerts.ts. Data may be in .json and .csv files, and helpers in files whose names begin with _.'
    throw new Failure('CONFIG_INVALID', `${join(folder, entry)} is not a migration`, hint)
  })
  if (migrations.length === 0) {
    const hint = 'Make the first one with `migrator create create-hosts`, or set MIGRATOR_MIGRATIONS to another folder.'
    throw new Failure('CONFIG_INVALID', `there are no migrations in ${folder}`, hint)
  }
  const lone = [...twins].find(([name]) => !migrations.some(migration => migration.name === name))
  if (dialect === 'postgres' && lone !== undefined) throw alone(join(folder, lone[1]), lone[0])
  return migrations
}

const twice = (file: string, other: string): Failure =>
  new Failure('CONFIG_INVALID', `${file} and ${other} are twins of one migration`, 'Keep one of them.')

const alone = (file: string, name: string): Failure => {
  const hint = `Add ${name}.ts, which the other engine runs; it may do nothing.`
  return new Failure('CONFIG_INVALID', `${file} is for one engine only, and there is no migration for the other`, hint)
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
    const hint = 'Set MIGRATOR_MIGRATIONS to a folder that this user can read.'
    throw new Failure('CONFIG_INVALID', `the migrations folder ${folder} cannot be read`, hint, cause)
  }
}

/** Maximum size of a migration in bytes. */
const largest = 64 * 1024 * 1024

const readText = (file: string): string => {
  try {
    return String(readSmallFile(file, largest)).replaceAll('\r\n', '\n')
  } catch (cause) {
    if (cause instanceof Failure) throw cause
    throw new Failure('CONFIG_INVALID', `${file} cannot be read`, 'Make it a file that this user can read.', cause)
  }
}

/** SHA-256 in hex. The long way of `up` has one that loads faster than node:crypto (src/sha256.ts); the short way needs none. */
export const hashing = { by: (text: string): string => process.getBuiltinModule('node:crypto').hash('sha256', text) }
/** `sha256:` and the hex digest of a text in UTF-8. */
export const digest = (text: string): string => `sha256:${hashing.by(text)}`
