import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { extname, join, relative } from 'node:path'
import { isInstalled } from '../config.ts'
import type { Context } from '../context.ts'
import { Failure, printable } from '../failure.ts'
import { hasTime, type MigrationFile, readMigrationFiles } from '../migrations/files.ts'

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
  const { file, language, types } = nextFile(context, name, options)
  writeFile(file, language === 'sql' ? sqlTemplate : template(language, types))
  context.print(`${file}\n`)
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
  refuseInstalled(folder)
  const isNew = !existsSync(folder)
  const known = readOrMake(folder)
  if (isNew) log.info('create.folder', `made the folder ${folder}`, { folder })
  const last = known.at(-1)
  const twin = known.find(migration => migration.name.replace(/^\d+-/, '') === name)
  if (twin !== undefined)
    throw new Failure('CONFIG_INVALID', `${twin.file} already has that name`, 'Say what this one does differently.')
  const extension = sql ? '.sql' : extname(last?.file ?? 'first.ts').replace('.cjs', '.js')
  const file = join(folder, `${nextNumber(last?.name)}-${name}${extension}`)
  const language = extension === '.sql' ? 'sql' : extension === '.ts' ? 'ts' : 'js'
  return { file, language, types: typesFor(folder) }
}

/** @throws Failure CONFIG_INVALID for a folder that the next `npm install` overwrites */
const refuseInstalled = (folder: string): void => {
  if (!isInstalled(folder)) return
  const hint =
    'Choose a folder of your own: put `--migrations migrations` before the command, or set MIGRATOR_MIGRATIONS.'
  throw new Failure('CONFIG_INVALID', `${folder} belongs to an installed package`, hint)
}

/** The next number; the present time where sequelize-cli named the last one, or a second after that. */
const nextNumber = (last: string | undefined): string => {
  if (last !== undefined && hasTime(last)) {
    const now = new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14)
    return now > last.slice(0, 14) ? now : String(Number(last.slice(0, 14)) + 1)
  }
  const number = Number(last?.slice(0, 4) ?? 0) + 1
  if (number > 9999) throw new Failure('CONFIG_INVALID', `${last} is the last number`, 'Names have four digits.')
  return String(number).padStart(4, '0')
}

/** A new migrations folder may be empty here; everywhere else that is an error. */
const readOrMake = (folder: string): readonly MigrationFile[] => {
  write(() => mkdirSync(folder, { recursive: true }), folder)
  return readdirSync(folder).some(entry => !entry.startsWith('.')) ? readMigrationFiles(folder) : []
}

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
