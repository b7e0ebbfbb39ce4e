import { dirname } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { SchemaEditor } from '../engine.ts'
import { attemptAsync, Failure } from '../failure.ts'
import { realpathSync } from '../fs.ts'
import { importMigration, shareWith } from '../modules.ts'
import { parseSqlFile, toMigration } from '../sql-file.ts'
import { isWithoutLine } from '../where.ts'
import { asOrigin, blamingStrays, loadFailed, watchStrays } from './blame.ts'
import type { MigrationFile } from './files.ts'

/** A migration's `up` and, if it can be undone, its `down`. */
export type Migration = (params: { readonly name: string; readonly context: SchemaEditor }) => Promise<unknown>

export type LoadedMigration = MigrationFile &
  Readonly<{
    up: Migration
    down: Migration | undefined
    /** tables that it announces to delete rows from: `export const removesRows = ['metrics']` */
    removesRows: readonly string[]
    /** on a server it is one step outside of a transaction: `export const online = true` */
    online?: boolean
    /** it runs SQL and nothing else */
    isSql?: true
  }>

/**
 * Imports all migrations before any runs. Their `import ... from 'sequelize'` resolves to this program's own copy,
 * wherever their folder is, until the program ends.
 * @param signal ends it; unless its reason is a Failure, the file being loaded is blamed
 * @param compiled SQL to run in place of a migration's code, by name
 * @throws Failure CONFIG_INVALID naming the file that cannot be loaded or lacks an `up`
 */
export const loadMigrations = async (
  known: readonly MigrationFile[],
  signal: AbortSignal,
  compiled: ReadonlyMap<string, string> = new Map(),
): Promise<readonly LoadedMigration[]> => {
  watchStrays(signal)
  // Node resolves imports from the real path: folders and files may be links, as in a Kubernetes ConfigMap volume
  const hasCode = known.some(({ name, file }) => !compiled.has(name) && !file.endsWith('.sql'))
  for (const { file } of hasCode ? known : []) for (const path of [file, realpathSync(file)]) shareWith(dirname(path))
  return Promise.all(
    known.map(migration => {
      const sql = compiled.get(migration.name)
      if (sql === undefined) return loadMigration(migration, signal)
      return { ...migration, ...toMigration({ up: sql, down: undefined, removesRows: [] }, migration.file) }
    }),
  )
}

const loadMigration = async (known: MigrationFile, signal: AbortSignal): Promise<LoadedMigration> => {
  if (known.file.endsWith('.sql')) return { ...known, ...toMigration(parseSqlFile(known.file, known.text), known.file) }
  const { up, down, removesRows = [], online = false } = await importWatched(known.file, signal)
  const isTableList = Array.isArray(removesRows) && removesRows.every(table => typeof table === 'string')
  if (!isMigration(up) || !(down === undefined || isMigration(down)) || !isTableList || typeof online !== 'boolean') {
    const hint =
      'It must export `up`, and may export `down` (both async functions), `removesRows` (table names) and `online` (true).'
    throw new Failure('CONFIG_INVALID', `${known.file} does not export a migration`, hint)
  }
  return { ...known, removesRows, online, up, down }
}

const isMigration = (value: unknown): value is Migration => typeof value === 'function'

const importWatched = async (file: string, signal: AbortSignal): ReturnType<typeof importMigration> => {
  const stopped = Promise.withResolvers<never>()
  const stop = (): void => stopped.reject(signal.reason)
  signal.addEventListener('abort', stop)
  const loaded = await attemptAsync(() =>
    blamingStrays(signal, () =>
      Promise.race([asOrigin({ name: file, file, does: 'load' }, () => importMigration(file)), stopped.promise]),
    ),
  )
  signal.removeEventListener('abort', stop)
  if ('value' in loaded) return loaded.value
  const { error } = loaded
  if (error instanceof Failure) throw error
  throw loadFailed(file, isWithoutLine(error, file) ? await withLine(file, error) : error)
}

/** The error of the same file with its line: as TypeScript it is read by a parser that tells. It is not run. */
export const withLine = (file: string, error: unknown): Promise<unknown> =>
  import(`${pathToFileURL(file).href}?typescript`).then(
    () => error,
    (again: unknown) => again,
  )
