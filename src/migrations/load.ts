import { readFileSync, realpathSync } from 'node:fs'
import { registerHooks, stripTypeScriptTypes } from 'node:module'
import { dirname, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { SchemaEditor } from '../engine.ts'
import { Failure } from '../failure.ts'
import { parseSqlFile } from '../sql-file.ts'
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
  }>

/**
 * Imports all migrations before any runs. Their `import ... from 'sequelize'` resolves to this program's own copy,
 * wherever their folder is.
 * @param signal ends it; unless its reason is a Failure, the file being loaded is blamed
 * @throws Failure CONFIG_INVALID naming the file that cannot be loaded or lacks an `up`
 */
export const loadMigrations = async (
  known: readonly MigrationFile[],
  signal: AbortSignal,
): Promise<readonly LoadedMigration[]> => {
  watchStrays(signal)
  // Node resolves imports from the real path: folders and files may be links, as in a Kubernetes ConfigMap volume
  const folders = new Set(known.flatMap(({ file }) => [dirname(file), dirname(realpathSync(file))]))
  const hooks = shareSequelize([...folders].map(folder => pathToFileURL(folder + sep).href))
  try {
    return await Promise.all(known.map(migration => loadMigration(migration, signal)))
  } finally {
    hooks.deregister()
  }
}

/** What `sequelize` resolves to in migrations. */
export const sequelizeUrl = import.meta.resolve('sequelize')

const shareSequelize = (folders: readonly string[]) =>
  registerHooks({
    resolve: (specifier, context, next) => {
      const ours = folders.some(folder => context.parentURL?.startsWith(folder))
      if (ours && specifier === 'sequelize') return next(sequelizeUrl, context)
      const resolved = next(specifier, context)
      // makes .ts and .js files ES modules even if no package.json above them does
      const inFolder = folders.some(folder => resolved.url.startsWith(folder))
      return inFolder
        ? { ...resolved, format: /(?:\.ts|\?typescript)$/.test(resolved.url) ? 'module-typescript' : 'module' }
        : resolved
    },
    load: (url, context, next) => {
      // Node itself strips no types below node_modules, where an installed package has its migrations
      if (!(url.includes('/node_modules/') && context.format === 'module-typescript')) return next(url, context)
      return {
        format: 'module',
        source: stripTypeScriptTypes(readFileSync(fileURLToPath(url), 'utf8')),
        shortCircuit: true,
      }
    },
  })

const loadMigration = async (known: MigrationFile, signal: AbortSignal): Promise<LoadedMigration> => {
  if (known.file.endsWith('.sql')) return loadSql(known)
  const { up, down, removesRows = [] } = await importMigration(known.file, signal)
  const isTableList = Array.isArray(removesRows) && removesRows.every(table => typeof table === 'string')
  if (!isMigration(up) || !(down === undefined || isMigration(down)) || !isTableList) {
    const hint = 'It exports "up", and where they apply "down" (both async functions) and "removesRows" (table names).'
    throw new Failure('CONFIG_INVALID', `${known.file} does not export what a migration does`, hint)
  }
  return { ...known, up, down, removesRows }
}

const loadSql = (known: MigrationFile): LoadedMigration => {
  const { up, down, removesRows } = parseSqlFile(known.file, known.text)
  const run =
    (text: string): Migration =>
    ({ context }) =>
      context.runSql(text, known.file)
  return { ...known, up: run(up), down: down === undefined ? undefined : run(down), removesRows }
}

const isMigration = (value: unknown): value is Migration => typeof value === 'function'

const importMigration = async (file: string, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> => {
  const stopped = Promise.withResolvers<never>()
  const stop = (): void => stopped.reject(signal.reason)
  signal.addEventListener('abort', stop)
  try {
    const url = pathToFileURL(file).href
    return await blamingStrays(signal, () =>
      Promise.race([asOrigin({ name: file, file, does: 'load' }, () => import(url)), stopped.promise]),
    )
  } catch (error) {
    if (error instanceof Failure) throw error
    throw loadFailed(file, isWithoutLine(error, file) ? await withLine(file, error) : error)
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** The error of the same file with its line: as TypeScript it is read by a parser that tells. It is not run. */
const withLine = (file: string, error: unknown): Promise<unknown> =>
  import(`${pathToFileURL(file).href}?typescript`).then(
    () => error,
    (again: unknown) => again,
  )
