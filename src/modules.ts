/** How Node loads the code of migrations: with this program's Sequelize, and whatever package.json lies above them. */

import type { registerHooks } from 'node:module'
import { sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { readFileSync, statSync } from './fs.ts'

/** Loaded with the first migration in code. */
const loader = () => process.getBuiltinModule('node:module')

/** What `import ... from 'sequelize'` resolves to in migrations. */
export const sequelizeUrl = import.meta.resolve('sequelize')

/** The URL of a file's code, without the extension that CommonJS is loaded under, or its version: see `resolve`. */
export const urlOfCode = (url: string): string => url.replace(/\?.*$/, '').replace(/\.js\.cjs$/, '.js')

/** What `require('sequelize')` resolves to: CommonJS expects the class itself, which is the module's default export. */
const sequelizeForRequire = `${sequelizeUrl}.cjs`

/** URLs of the folders whose code is loaded so, each with a slash at its end. */
const folders = new Set<string>()

let hooks: ReturnType<typeof registerHooks> | undefined

/** Loads code of this folder so from now on: a migration may import something only while it runs. */
export const shareWith = (folder: string): void => {
  hooks ??= loader().registerHooks({ resolve, load })
  folders.add(pathToFileURL(folder + sep).href)
}

/** Node loads code as it did before the first `shareWith`, for a process that goes on. */
export const shareNoMore = (): void => {
  hooks?.deregister()
  hooks = undefined
  folders.clear()
}

/** Whether code is in one of the folders, and not in a package that is installed there. */
const isShared = (url: string): boolean =>
  [...folders].some(folder => url.startsWith(folder) && !url.slice(folder.length).includes('node_modules/'))

type Resolve = NonNullable<Parameters<typeof registerHooks>[0]['resolve']>
type Load = NonNullable<Parameters<typeof registerHooks>[0]['load']>

const resolve: Resolve = (specifier, context, next) => {
  const requires = context.conditions.includes('require')
  if (specifier === 'sequelize' && isShared(String(context.parentURL)))
    return requires ? { url: sequelizeForRequire, format: 'commonjs', shortCircuit: true } : next(sequelizeUrl, context)
  const resolved = asItIs(next(specifier, context))
  const { url } = resolved
  if (!isShared(url) || !/\.(?:js|mjs|ts)(?:\?[\w-]+)?$/.test(url)) return resolved
  if (/(?:\.ts(?:\?.*)?|\?typescript)$/.test(url)) return { ...resolved, format: 'module-typescript' }
  if (!isCommonJs(fileURLToPath(url))) return { ...resolved, format: 'module' }
  // below a package.json of "type": "module", Node takes no other name for CommonJS
  return { ...resolved, format: 'commonjs', url: requires ? `${urlOfCode(url)}.cjs` : url }
}

/** How each file was when it was first loaded. */
const first = new Map<string, string>()

/** Node loads what is at a URL once: a file that has changed since, in a process that goes on, has another one. */
const asItIs = <Resolved extends Readonly<{ url: string }>>(resolved: Resolved): Resolved => {
  const { url } = resolved
  if (!isShared(url) || url.includes('?')) return resolved
  const stats = statSync(fileURLToPath(url), { bigint: true, throwIfNoEntry: false })
  const version = `${stats?.ino}-${stats?.mtimeNs}`
  if (!first.has(url)) first.set(url, version)
  return first.get(url) === version ? resolved : { ...resolved, url: `${url}?${version}` }
}

const load: Load = (url, context, next) => {
  const give = (format: string, source: string) => ({ format, source, shortCircuit: true })
  if (url === sequelizeForRequire)
    return give('commonjs', `module.exports = require(${JSON.stringify(fileURLToPath(sequelizeUrl))}).default`)
  if (url.endsWith('.js.cjs') && isShared(url)) return give('commonjs', readCode(urlOfCode(url)))
  // Node itself strips no types below node_modules, where an installed package has its migrations
  if (url.includes('/node_modules/') && context.format === 'module-typescript')
    return give('module', loader().stripTypeScriptTypes(readCode(url)))
  return next(url, context)
}

const readCode = (url: string): string => readFileSync(fileURLToPath(url), 'utf8')

/** Whether a file is a script of CommonJS: by its extension, or by its text where that is `.js`. */
const isCommonJs = (file: string): boolean => {
  if (!file.endsWith('.js')) return file.endsWith('.cjs')
  const text = readFileSync(file, 'utf8')
  return /\b(?:exports|require)\b/.test(text) && !/^[^\S\n]*(?:export\b|import\s*[\w{*"'])/m.test(text)
}

type Exported = Readonly<Record<string, unknown>>

export type Code = Readonly<{
  exported: Exported
  /** whether it exports one object, as sequelize-cli's migrations do: `module.exports = { up(queryInterface, Sequelize) {} }` */
  asOne: boolean
}>

/** Runs a file, and gives what it exports. Throws whatever is wrong with it. */
export const importCode = async (file: string): Promise<Code> => {
  if (isCommonJs(file)) {
    // `require` refuses a module that an import elsewhere is still loading
    await import(sequelizeUrl)
    const require = loader().createRequire(file)
    for (const path of Object.keys(require.cache)) if (isShared(pathToFileURL(path).href)) delete require.cache[path]
    return toCode(require(file))
  }
  const exported = await import(pathToFileURL(file).href)
  return 'default' in exported && !('up' in exported) ? toCode(exported.default) : { exported, asOne: false }
}

const toCode = (exported: unknown): Code => ({ exported: Object(exported), asOne: true })

/** What the file of a migration exports, to be called as Umzug does: `up({ name, context })`. */
export const importMigration = async (file: string): Promise<Exported> => {
  const { exported, asOne } = await importCode(file)
  if (!asOne) return exported
  const { Sequelize } = await import(sequelizeUrl)
  // the first argument has a `context`, too
  const called = (work: unknown): unknown =>
    typeof work === 'function'
      ? ({ name, context }: Readonly<{ name: string; context: object }>) =>
          work(Object.create(context, { context: { value: context }, name: { value: name } }), Sequelize)
      : work
  return Object.create(exported, { up: { value: called(exported.up) }, down: { value: called(exported.down) } })
}
