// This room is about SQLite.

import { createRequire, registerHooks } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { DataTypes } from 'sequelize'
import { runPlain } from '../engine.ts'
import { attempt, attemptAsync, Failure, must, reasonOf } from '../failure.ts'
import { existsSync, readdirSync, statSync } from '../fs.ts'
import { withLine } from '../migrations/load.ts'
import { importCode, shareWith } from '../modules.ts'
import { connectSequelize, createBridge } from '../sqlite/bridge/sequelize.ts'
import { openSessions } from '../sqlite/bridge/session.ts'
import { toSequelizeText } from '../sqlite/bridge/times.ts'
import type { Connection } from '../sqlite/connect.ts'
import { readAppSchema, type Schema } from '../sqlite/schema/read.ts'
import { decoratorHint, decoratorIn, explainLoading, isWithoutLine } from '../where.ts'

export type Models = Readonly<{
  schema: Schema
  /** columns that Sequelize itself fills at every write, as `table.column`: it makes them NOT NULL, asked or not */
  timed: readonly string[]
}>

/** Where models make their tables. */
export type Target = Readonly<{
  /** what it is called, and what Sequelize calls it */
  name: string
  dialects: readonly string[]
  /** Sequelize of either version on it */
  connect6: () => Instance
  connect7: (path: string) => Promise<Instance>
  /** Gives the connections of an instance in place of its own. */
  redirect: (instance: Instance, version: 6 | 7) => void
}>

/**
 * The schema that models make: that of `sequelize.sync()`, on a database in memory. The database that the models are bound to is
 * not opened, unless the code of the models itself does so while it loads.
 * @param path of a file, of a folder, or the name of a package
 * @throws Failure CONFIG_INVALID for whatever is no file of models of Sequelize 6 or 7 for SQLite
 */
export const readModels = async (path: string): Promise<Models> => {
  const connection = new Database(':memory:')
  connection.pragma('foreign_keys = OFF')
  try {
    const timed = await makeTables(path, inMemory(connection))
    return { schema: readAppSchema(connection), timed }
  } finally {
    connection.close()
  }
}

/**
 * Lets models make their tables.
 * @returns the columns that Sequelize itself fills, as `table.column`
 * @throws Failure CONFIG_INVALID for whatever is no file of models for that target
 */
export const makeTables = async (path: string, target: Target): Promise<readonly string[]> => {
  const files = filesOf(path)
  hookLoading()
  const codes: Readonly<Record<string, unknown>>[] = []
  for (const file of files) codes.push(await loadModels(file))
  const sequelize = await boundTo(target, path, codes)
  const outcome = await attemptAsync(() => sequelize.sync({ logging: false, hooks: false }))
  if ('error' in outcome) throw refused(path, `makes no schema: ${reasonOf(outcome.error)}`, exportHint, outcome.error)
  const timed = timedColumns(sequelize)
  // the pool of version 7 keeps a timer
  await attemptAsync(() => sequelize.close?.())
  return timed
}

const inMemory = (connection: Connection): Target => ({
  name: 'SQLite',
  dialects: ['sqlite', 'sqlite3'],
  connect6: () => connectSequelize(connection),
  connect7: path => connect7(connection, path),
  redirect: (instance, version) => {
    const bridge = createBridge(openSessions(connection, runPlain), toSequelizeText)
    const database = new bridge.Database(':memory:', 2, () => undefined)
    if (version === 6) giveConnection(instance, async () => database)
    else Object.assign(instance, { pool: { acquire: async () => database, release: () => undefined } })
  },
})

/** Gives an instance of Sequelize 6 another connection. */
export const giveConnection = (instance: Instance, getConnection: () => Promise<unknown>): void => {
  const { connectionManager } = instance as unknown as { connectionManager: object }
  Object.assign(connectionManager, { getConnection, releaseConnection: () => undefined })
}

const exportHint =
  'Export the Sequelize instance that the models belong to, or a function that makes them: export const initModels = sequelize => { ... }'
const pathHint = 'Name a file, such as --models models/index.js, or the folder that it is in.'

export const refused = (path: string, what: string, hint: string, cause?: unknown): Failure =>
  new Failure('CONFIG_INVALID', `${path} ${what}`, hint, cause)

const extension = /(?<!\.d|\.test|\.spec)\.(?:ts|mts|js|mjs|cjs)$/

/** A folder is its index, or, as in sequelize-cli's, all that is in it. */
const filesOf = (path: string): readonly string[] => {
  const full = resolve(path)
  const found = statSync(full, { throwIfNoEntry: false })
  if (found === undefined) {
    const name = attempt(() => createRequire(join(resolve(''), 'package.json')).resolve(path))
    if (/^[./]/.test(path) || 'error' in name || !existsSync(name.value))
      throw refused(path, 'does not exist', pathHint)
    return [name.value]
  }
  if (!found.isDirectory()) return [full]
  const files = readdirSync(full)
    .filter(name => extension.test(name))
    .sort()
  const index = files.find(name => /^index\./.test(name))
  if (files.length === 0) throw refused(path, 'has no file of JavaScript or TypeScript', pathHint)
  return (index === undefined ? files : [index]).map(name => join(full, name))
}

const loadModels = async (file: string): Promise<Readonly<Record<string, unknown>>> => {
  shareWith(packageOf(file))
  const outcome = await attemptAsync(() => importCode(file))
  if ('value' in outcome) {
    const { exported, asOne } = outcome.value
    // what CommonJS exports as one may be a function
    return asOne ? { ...own(exported), default: exported } : { ...exported }
  }
  if (outcome.error instanceof Failure) throw outcome.error
  const error = isWithoutLine(outcome.error, file) ? await withLine(file, outcome.error) : outcome.error
  if (error instanceof Failure) throw error
  const { place, reason, hint } = explainLoading(error, file)
  throw refused(place, `cannot be loaded: ${reason}`, hint, outcome.error)
}

const own = (value: unknown): Readonly<Record<string, unknown>> => (typeof value === 'object' ? { ...value } : {})

/** The folder whose code gets this program's Sequelize: that of the nearest package.json. */
const packageOf = (file: string): string => {
  let folder = dirname(file)
  while (folder !== dirname(folder) && !existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return existsSync(join(folder, 'package.json')) ? folder : dirname(file)
}

let isHooked = false

/**
 * Sequelize asks for the `sqlite3` package where an instance is made, though none of its connections is used. And what has
 * decorators is refused: Node takes those of a field that is only declared away with it, and a model would lack the column.
 */
const hookLoading = (): void => {
  if (isHooked) return
  isHooked = true
  const url = 'homelab-migrator:no-sqlite3'
  registerHooks({
    resolve: (specifier, context, next) => {
      if (specifier !== 'sqlite3') return next(specifier, context)
      const found = attempt(() => next(specifier, context))
      return 'value' in found ? found.value : { url, format: 'commonjs', shortCircuit: true }
    },
    load: (asked, context, next) => {
      if (asked === url) return { format: 'commonjs', source: 'module.exports = {}', shortCircuit: true }
      const loaded = next(asked, context)
      if (loaded.format?.endsWith('-typescript')) refuseDecorators(asked, String(loaded.source))
      return loaded
    },
  })
}

/** @throws Failure CONFIG_INVALID for code in which a line begins with a decorator */
const refuseDecorators = (url: string, code: string): void => {
  const found = decoratorIn(code)
  if (found === undefined) return
  throw refused(
    `${fileURLToPath(url.replace(/\?.*/s, ''))}:${found.position}`,
    `cannot be loaded: ${found.text} is a decorator`,
    decoratorHint,
  )
}

/** Either Sequelize, as far as it is used here. */
export type Instance = Readonly<{
  sync: (options: object) => Promise<unknown>
  close?: () => Promise<void>
  define: unknown
  models: object
  dialect?: Readonly<{ name: string }>
  /** of Sequelize 7 */
  addModels?: (models: readonly ModelClass[]) => void
}>
type ModelClass = Readonly<{
  name: string
  findAll: unknown
  sequelize?: Instance
  associate?: (models: unknown) => void
  /** of Sequelize 7 */
  modelDefinition?: Readonly<{
    timestampAttributeNames: object
    attributes: ReadonlyMap<string, Readonly<{ columnName: string; _autoGenerated?: boolean }>>
    table: Readonly<{ tableName: string }>
  }>
  /** of Sequelize 6 */
  _timestampAttributes?: object
  rawAttributes?: Readonly<Record<string, Readonly<{ field: string }>>>
  tableName?: string
}>

const isInstance = (value: unknown): value is Instance =>
  typeof value === 'object' && value !== null && 'define' in value && 'sync' in value && 'models' in value
const isModel = (value: unknown): value is ModelClass =>
  typeof value === 'function' && 'findAll' in value && 'init' in value
const isOf7 = (model: ModelClass): boolean => 'modelDefinition' in model
const isFunction = (value: unknown): value is (...given: readonly unknown[]) => unknown =>
  typeof value === 'function' && !isModel(value) && !/^class\b/.test(Function.prototype.toString.call(value))

/** The instance whose models are wanted, with its connections replaced by those of the target. */
const boundTo = async (
  target: Target,
  path: string,
  codes: readonly Readonly<Record<string, unknown>>[],
): Promise<Instance> => {
  const all = codes.flatMap(code => [...Object.values(code), ...Object.values(own(code.default))])
  const models = all.filter(isModel)
  const bound = models.flatMap(model => {
    const outcome = attempt(() => model.sequelize)
    return 'value' in outcome && outcome.value !== undefined ? outcome.value : []
  })
  const [instance] = [...new Set([...all.filter(isInstance), ...bound])]
  if (instance !== undefined) return redirect(instance, target, path)

  const makers = codes.flatMap(makersOf)
  if (makers.length === 0 && models.length === 0) throw refused(path, 'exports no models of Sequelize', exportHint)
  const is7 = models.some(isOf7)
  const fresh: Instance = is7 ? await target.connect7(path) : target.connect6()
  const types = is7 ? (await import('@sequelize/core')).DataTypes : DataTypes
  const outcome = await attemptAsync(async () => {
    for (const make of makers) await make(fresh, types)
    // decorators, which version 7 has, tell all of a model but its instance
    if (makers.length === 0) fresh.addModels?.(models)
    // sequelize-cli's own index does so, and where there is none nobody has
    if (codes.length > 1) for (const model of modelsOf(fresh)) model.associate?.(fresh.models)
  })
  if ('error' in outcome)
    throw refused(path, `does not make its models: ${reasonOf(outcome.error)}`, exportHint, outcome.error)
  const bare = makers.length > 0 ? [] : is7 ? [...modelsOf(fresh)].filter(isBare) : models
  if (bare.length > 0) {
    const names = [...new Set(bare.map(({ name }) => name))].join(', ')
    throw refused(path, `exports models without a Sequelize instance: ${names}`, exportHint)
  }
  requireSome(fresh, path)
  return fresh
}

/** Whether a model of Sequelize 7 has only what every model gets: nobody said what is in it. */
const isBare = ({ modelDefinition }: ModelClass): boolean =>
  [...must(modelDefinition).attributes.values()].every(({ _autoGenerated }) => _autoGenerated === true)

/** Functions that make models: what sequelize-cli's files export, `initModels`, or all that are named so. */
const makersOf = (code: Readonly<Record<string, unknown>>) => {
  const { default: whole, initModels = own(whole).initModels } = code
  if (isFunction(initModels)) return [initModels]
  if (isFunction(whole)) return [whole]
  return Object.entries(code).flatMap(([name, value]) =>
    /^(?:init|define)[A-Z]/.test(name) && isFunction(value) ? value : [],
  )
}

const timedColumns = (sequelize: Instance): readonly string[] =>
  [...modelsOf(sequelize)].flatMap(model => {
    // each version's members throw in the other one
    if (model.modelDefinition !== undefined) {
      const { timestampAttributeNames, attributes, table } = model.modelDefinition
      const names = Object.values<string>({ ...timestampAttributeNames })
      return [...attributes].flatMap(([name, { columnName }]) =>
        names.includes(name) ? `${table.tableName}.${columnName}` : [],
      )
    }
    const { _timestampAttributes = {}, rawAttributes = {}, tableName } = model
    const names = Object.values<string>({ ..._timestampAttributes })
    return Object.entries(rawAttributes).flatMap(([name, { field }]) =>
      names.includes(name) ? `${tableName}.${field}` : [],
    )
  })

const modelsOf = ({ models }: Instance): Iterable<ModelClass> =>
  Symbol.iterator in models
    ? (models as Iterable<ModelClass>)
    : Object.values(models as Readonly<Record<string, ModelClass>>)

const requireSome = (instance: Instance, path: string): void => {
  if ([...modelsOf(instance)].length === 0)
    throw refused(path, 'has a Sequelize without models', 'Define or import the models before it is exported.')
}

const connect7 = async (connection: Connection, path: string): Promise<Instance> => {
  const outcome = await attemptAsync(async () => (await import('../hub/sequelize-v7.ts')).connectSequelize(connection))
  if ('value' in outcome) return outcome.value as unknown as Instance
  throw refused(
    path,
    'is for Sequelize 7, which is not installed here',
    'Run `npm install @sequelize/core @sequelize/sqlite3`.',
    outcome.error,
  )
}

const redirect = (instance: Instance, target: Target, path: string): Instance => {
  requireSome(instance, path)
  const dialect = must(instance.dialect).name
  if (!target.dialects.includes(dialect)) {
    const hint = `DATABASE_URL says which database the models are compared for: it is on ${target.name}. A function, export const initModels = sequelize => { ... }, is for any.`
    throw refused(path, `is for ${dialect}, and only models for ${target.name} can be compared here`, hint)
  }
  target.redirect(instance, Object.hasOwn(instance, 'modelManager') ? 6 : 7)
  return instance
}
