import { extname, join, relative } from 'node:path'
import { isInstalled } from '../config.ts'
import type { Context } from '../context.ts'
import { Failure, printable } from '../failure.ts'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from '../fs.ts'
import { type Dialect, hasTime, type MigrationFile, readMigrationFiles } from '../migrations/files.ts'

/** In a checkout: this repository's migrations, and the type they import. */
const own = join(import.meta.dirname, '../../migrations')
const types = join(import.meta.dirname, '../migrations/load.ts')

/**
 * Creates a migration file with the next number and prints its path. Opens no database.
 * @param name verb and noun, as in `create-alerts`
 * @param options `sql` for a file in SQL; otherwise it is in the language of the last one
 * @throws Failure CONFIG_INVALID if the name is invalid or the file cannot be written
 */
export const create = (context: Context, name: string, options: Readonly<{ sql: boolean }>): void => {
  writeTemplate(context, nextFile(context, name, options))
}

/** Writes a migration that is yet to be written, and prints its path. */
export const writeTemplate = ({ print }: Pick<Context, 'print'>, { file, language, types }: NextFile): void => {
  writeFile(file, language === 'sql' ? sqlTemplate : template(language, types))
  print(`${file}\n`)
}

/** Writes a file that is not there yet. */
export const writeFile = (file: string, text: string): void => {
  write(() => writeFileSync(file, text, { flag: 'wx' }), file)
}

type NextFile = Readonly<{
  file: string
  language: 'sql' | 'ts' | 'js'
  /** the module that the type of a migration comes from */
  types: string
}>

/** A migration that `diff` writes for a server, where the folder is for both engines. */
export type Twin = Readonly<{
  file: NextFile
  /** the migrations before it */
  before: readonly MigrationFile[]
  /** the common text, which the other engine runs: it is yet to be written, too; undefined if it is there */
  common: NextFile | undefined
}>

/**
 * The file in which a server's migration is written: the next one, where the folder has none for one engine alone; otherwise the
 * twin of the next one, or of the last one, if that has the name and no twin.
 * @throws Failure CONFIG_INVALID, as `create` does
 */
export const nextTwin = (
  context: Pick<Context, 'config' | 'log'>,
  name: string,
  options: Readonly<{ sql: boolean }>,
): Twin => {
  const folder = context.config.migrations
  const known = existsSync(folder) ? filesIn(folder, 'postgres') : []
  const isTwin = ({ file }: MigrationFile): boolean => /\.postgres\.\w+$/.test(file)
  const toTwin = (next: NextFile): NextFile => ({ ...next, file: next.file.replace(/\.(\w+)$/, '.postgres.$1') })
  const last = known.at(-1)
  if (last !== undefined && nameOf(last) === name && !isTwin(last)) {
    const extension = options.sql ? '.sql' : extname(last.file)
    const common = { ...languageOf(extension), file: join(folder, `${last.name}${extension}`), types: typesFor(folder) }
    return { file: toTwin(common), before: known.slice(0, -1), common: undefined }
  }
  const next = nextFile(context, name, options)
  if (!known.some(isTwin)) return { file: next, before: known, common: undefined }
  return { file: toTwin(next), before: known, common: next }
}

/** The file of the next migration, which is not made yet; its folder is. @throws Failure CONFIG_INVALID, as `create` does */
export const nextFile = (
  { config, log }: Pick<Context, 'config' | 'log'>,
  name: string,
  { sql }: Readonly<{ sql: boolean }>,
): NextFile => {
  const folder = config.migrations
  if (!/^(?!\d{4}-|\d{14}-)[a-z0-9]+(?:-[a-z0-9]+)*$/.test(name) || name.length > 200) {
    const hint = 'Use lower-case letters, digits and single hyphens, without a number in front, such as create-alerts.'
    throw new Failure('CONFIG_INVALID', `a migration cannot be called ${printable(name)}`, hint)
  }
  refuseInstalled(folder, name)
  const isNew = !existsSync(folder)
  const known = readOrMake(folder)
  if (isNew) log.info('create.folder', `made the folder ${folder}`, { folder })
  const last = known.at(-1)
  const twin = known.find(migration => nameOf(migration) === name)
  if (twin !== undefined)
    throw new Failure(
      'CONFIG_INVALID',
      `there already is a migration called ${name}: ${twin.file}`,
      'Choose a name that says what this one does differently.',
    )
  const extension = sql ? '.sql' : extname(last?.file ?? 'first.ts').replace('.cjs', '.js')
  const file = join(folder, `${nextNumber(last?.name)}-${name}${extension}`)
  return { file, ...languageOf(extension), types: typesFor(folder) }
}

const nameOf = ({ name }: MigrationFile): string => name.replace(/^\d+-/, '')

const languageOf = (extension: string): Pick<NextFile, 'language'> => ({
  language: extension === '.sql' ? 'sql' : extension === '.ts' ? 'ts' : 'js',
})

/** @throws Failure CONFIG_INVALID for a folder that the next `npm install` overwrites */
const refuseInstalled = (folder: string, name: string): void => {
  if (!isInstalled(folder)) return
  const hint = `Keep your migrations in a folder of your own: run \`migrator --migrations migrations create ${name}\`, or set MIGRATOR_MIGRATIONS.`
  throw new Failure('CONFIG_INVALID', `${folder} belongs to an installed package`, hint)
}

/** The next number; the present time where sequelize-cli named the last one, or a second after that. */
const nextNumber = (last: string | undefined): string => {
  if (last !== undefined && hasTime(last)) {
    const now = new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14)
    return now > last.slice(0, 14) ? now : String(Number(last.slice(0, 14)) + 1)
  }
  const number = Number(last?.slice(0, 4) ?? 0) + 1
  if (number > 9999)
    throw new Failure('CONFIG_INVALID', `there is no number after ${last}`, 'A number has four digits.')
  return String(number).padStart(4, '0')
}

/** A new migrations folder may be empty here; everywhere else that is an error. */
const readOrMake = (folder: string): readonly MigrationFile[] => {
  write(() => mkdirSync(folder, { recursive: true }), folder)
  return filesIn(folder)
}

/** A folder with nothing in it has no migrations yet. @throws Failure CONFIG_INVALID, as readMigrationFiles does */
export const filesIn = (folder: string, dialect?: Dialect): readonly MigrationFile[] =>
  readdirSync(folder).some(entry => !entry.startsWith('.')) ? readMigrationFiles(folder, dialect) : []

const write = (work: () => void, path: string): void => {
  try {
    work()
  } catch (cause) {
    const hint = 'Set MIGRATOR_MIGRATIONS to a folder that this user can write. The one in an image is read-only.'
    throw new Failure('CONFIG_INVALID', `${path} cannot be written`, hint, cause)
  }
}

/** The module a migration in `folder` imports its type from: the source in this checkout's own folder, elsewhere the package. */
export const typesFor = (folder: string): string =>
  folder === own && existsSync(types) ? relative(folder, types) : 'homelab-migrator/migration'

const template = (language: NextFile['language'], types: string): string => {
  const typed = language === 'ts'
  const head = typed ? `import type { Migration } from '${types}'\n\n` : ''
  const type = typed ? ': Migration' : ''
  return `${head}/** What it is for, in one sentence. */
export const up${type} = async ({ context: schema }) => {
  // such as: await schema.addColumn('servers', 'note', 'TEXT')
  void schema
  throw new Error('up is not written yet')
}

/** Undoes it; leave it out where it cannot be undone. */
export const down${type} = async () => {
  throw new Error('down is not written yet')
}
`
}

const sqlTemplate = `-- What it is for, in one sentence.

-- migrate:up
-- such as: ALTER TABLE servers ADD COLUMN note TEXT;

-- migrate:down
-- Undoes it; leave this part out where it cannot be undone.
`
