import nodeCrypto from 'node:crypto'
import { registerHooks, syncBuiltinESMExports } from 'node:module'
import { dirname, relative, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { getCallSites } from 'node:util'
import { realpathSync } from '../fs.ts'
import type { MigrationFile } from '../migrations/files.ts'
import { sequelizeUrl, urlOfCode } from '../modules.ts'
import type { Place } from '../where.ts'
import { type Finding, finding } from './rules.ts'

type Code = 'HM502' | 'HM503'

/** The functions that migrations should not call, and the objects that hold them. */
const calls: readonly (readonly [what: string, code: Code, object: object, keys: readonly string[]])[] = [
  ['Date.', 'HM502', Date, ['now']],
  ['performance.', 'HM502', performance, ['now']],
  [
    'Temporal.Now.',
    'HM502',
    Object(Reflect.get(Object(Reflect.get(globalThis, 'Temporal')), 'Now')),
    ['instant', 'plainDateISO', 'plainDateTimeISO', 'plainTimeISO', 'zonedDateTimeISO'],
  ],
  ['Math.', 'HM502', Math, ['random']],
  ['crypto.', 'HM502', crypto, ['randomUUID', 'getRandomValues']],
  ['crypto.', 'HM502', nodeCrypto, ['randomUUID', 'randomBytes', 'randomInt', 'randomFillSync']],
  ['', 'HM503', globalThis, ['fetch', 'WebSocket', 'EventSource']],
]

/**
 * HM502, HM503: notes calls of clock, randomness and network from now until `stop`. Only calls from a migration's own file count,
 * or from another file in its folder while it runs: Sequelize may read the clock.
 */
export const watchCalls = (migrations: readonly MigrationFile[]) => {
  const names = new Map(migrations.map(({ name, file }) => [urlOf(file), name]))
  const folders = new Set(migrations.map(({ file }) => urlOf(dirname(file)) + sep))
  const noted: Readonly<{ name: string; code: Code; what: string; place: Place }>[] = []
  let running: string | undefined

  /** Called by a proxy of a function: the frames are this one, the proxy's, and its caller's. */
  const note = (code: Code, what: string): void => {
    const caller = getCallSites(3)[2]
    const script = urlOfCode(caller?.scriptName ?? '')
    const url = script.startsWith('/') ? pathToFileURL(script).href : script
    const name = names.get(url) ?? ([...folders].some(folder => url.startsWith(folder)) ? running : undefined)
    if (caller === undefined || name === undefined) return
    const { lineNumber: line, columnNumber: column } = caller
    noted.push({ name, code, what, place: { file: fileURLToPath(url), line, column } })
  }

  const plainDate = globalThis.Date
  globalThis.Date = new Proxy(plainDate, {
    construct: (target, values, newTarget) => {
      if (values.length === 0) note('HM502', 'new Date()')
      return Reflect.construct(target, values, newTarget)
    },
    apply: target => {
      note('HM502', 'Date()')
      return target()
    },
  })
  // keeps date.constructor === Date true
  plainDate.prototype.constructor = globalThis.Date
  const restores = calls.flatMap(([prefix, code, object, keys]) =>
    keys
      .filter(key => key in object)
      .map(key => {
        const own = Object.getOwnPropertyDescriptor(object, key)
        const value = new Proxy(Reflect.get(object, key), {
          apply: (target, self, values) => {
            note(code, prefix + key)
            return Reflect.apply(target, self, values)
          },
          construct: (target, values, newTarget) => {
            note(code, `new ${prefix}${key}`)
            return Reflect.construct(target, values, newTarget)
          },
        })
        Object.defineProperty(object, key, { value, configurable: true, writable: true })
        return () => (own === undefined ? Reflect.deleteProperty(object, key) : Object.defineProperty(object, key, own))
      }),
  )
  // for migrations that import { randomUUID } from 'node:crypto'
  syncBuiltinESMExports()

  return {
    /** call it with the migration that runs from now on */
    running: (name: string): void => {
      running = name
    },
    findings: (name: string): readonly Finding[] => {
      const own = noted.filter(entry => entry.name === name)
      const first = own.filter(({ what }, index) => own.findIndex(entry => entry.what === what) === index)
      return first.map(({ code, what, place }) =>
        finding(code, `calls ${what} in line ${place.line}`, undefined, place),
      )
    },
    stop: (): void => {
      globalThis.Date = plainDate
      plainDate.prototype.constructor = plainDate
      for (const restore of restores) restore()
      syncBuiltinESMExports()
    },
  }
}

/** The file URL as in module URLs and stack frames: of the real path, with symbolic links resolved. */
const urlOf = (path: string): string => pathToFileURL(realpathSync(path)).href

const network = /^node:(?:https?|http2|net|tls|dgram|dns)(?:\/|$)|\/node_modules\/undici\//
const installed = /\/node_modules\/(?!homelab-migrator\/)/

/**
 * HM501, HM503: notes imports as Node resolves them, from now until `stop`, also while a migration runs. Sequelize's own imports
 * do not count.
 */
export const watchImports = () => {
  const imports = new Map<string, Set<string>>()
  const hooks = registerHooks({
    resolve: (specifier, context, next) => {
      const resolved = next(specifier, context)
      const parent = urlOfCode(String(context.parentURL))
      imports.set(parent, (imports.get(parent) ?? new Set()).add(urlOfCode(resolved.url)))
      return resolved
    },
  })

  /** All modules that a module imports, and recursively the imports of those that `follows` accepts. */
  const reach = (url: string, follows: (url: string) => boolean, seen = new Set<string>()): ReadonlySet<string> => {
    for (const imported of imports.get(url) ?? []) {
      if (seen.has(imported) || imported.startsWith(sequelizeUrl)) continue
      seen.add(imported)
      if (follows(imported)) reach(imported, follows, seen)
    }
    return seen
  }

  const findings = ({ file }: MigrationFile): readonly Finding[] => {
    const url = urlOf(file)
    const folder = url.slice(0, url.lastIndexOf('/') + 1)
    const isBeside = (imported: string) => imported.startsWith(folder)
    const isOutside = (imported: string) =>
      imported.startsWith('file:') && !isBeside(imported) && !installed.test(imported)
    const pathOf = (imported: string) => relative(fileURLToPath(folder), fileURLToPath(imported))
    return [
      ...[...reach(url, isBeside)]
        .filter(isOutside)
        .map(found => finding('HM501', `imports ${pathOf(found)}`, undefined)),
      ...[...reach(url, () => true)]
        .filter(found => network.test(found))
        .map(found => finding('HM503', `imports ${found}`, undefined)),
    ]
  }

  return { findings, stop: () => hooks.deregister() }
}

/**
 * HM501 to HM503: notes what migrations use besides the database. Start it before they are loaded, call `running` with each one
 * that runs, and `stop` when all have run.
 */
export const watchOutside = (migrations: readonly MigrationFile[]) => {
  const imports = watchImports()
  const calls = watchCalls(migrations)
  return {
    running: calls.running,
    findings: (migration: MigrationFile): readonly Finding[] => [
      ...imports.findings(migration),
      ...calls.findings(migration.name),
    ],
    stop: (): void => {
      calls.stop()
      imports.stop()
    },
  }
}

/** In its place where the process is not this program's own: it replaces functions that everything there calls. */
export const watchNothing: typeof watchOutside = () => ({
  running: () => undefined,
  findings: () => [],
  stop: () => undefined,
})
