import nodeCrypto from 'node:crypto'
import { realpathSync } from 'node:fs'
import { registerHooks, syncBuiltinESMExports } from 'node:module'
import { dirname, relative, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { getCallSites } from 'node:util'
import type { MigrationFile } from '../migrations/files.ts'
import { sequelizeUrl } from '../migrations/load.ts'
import { type Finding, finding } from './rules.ts'

type Code = 'HM502' | 'HM503'

/** What migrations should not call, and where it is. */
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
 * HM502, HM503: notes calls of the clock, chance and network from now until `stop`. Only those that come out of a migration's
 * own file count, or out of another one in its folder while it runs: Sequelize may ask what time it is.
 */
export const watchCalls = (migrations: readonly MigrationFile[]) => {
  const names = new Map(migrations.map(({ name, file }) => [urlOf(file), name]))
  const folders = new Set(migrations.map(({ file }) => urlOf(dirname(file)) + sep))
  const noted: Readonly<{ name: string; code: Code; what: string; line: number }>[] = []
  let running: string | undefined

  /** Called by what stands in for a function: the frames are this one, that, and its caller. */
  const note = (code: Code, what: string): void => {
    const caller = getCallSites(3)[2]
    const url = caller?.scriptName ?? ''
    const name = names.get(url) ?? ([...folders].some(folder => url.startsWith(folder)) ? running : undefined)
    if (caller !== undefined && name !== undefined) noted.push({ name, code, what, line: caller.lineNumber })
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
  // date.constructor === Date holds as ever
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
  // for those who import { randomUUID } from 'node:crypto'
  syncBuiltinESMExports()

  return {
    /** tells which migration runs from now on */
    running: (name: string): void => {
      running = name
    },
    findings: (name: string): readonly Finding[] => {
      const own = noted.filter(entry => entry.name === name)
      const first = own.filter(({ what }, index) => own.findIndex(entry => entry.what === what) === index)
      return first.map(({ code, what, line }) => finding(code, `calls ${what} in line ${line}`, undefined))
    },
    stop: (): void => {
      globalThis.Date = plainDate
      plainDate.prototype.constructor = plainDate
      for (const restore of restores) restore()
      syncBuiltinESMExports()
    },
  }
}

/** As modules and frames of the stack have it: of the real file, where symbolic links lead to it. */
const urlOf = (path: string): string => pathToFileURL(realpathSync(path)).href

const network = /^node:(?:https?|http2|net|tls|dgram|dns)(?:\/|$)|\/node_modules\/undici\//
const installed = /\/node_modules\/(?!homelab-migrator\/)/

/**
 * HM501, HM503: notes what is imported from now until `stop`, as Node resolves it, also while a migration runs. What Sequelize
 * imports itself is not blamed on a migration.
 */
export const watchImports = () => {
  const imports = new Map<string, Set<string>>()
  const hooks = registerHooks({
    resolve: (specifier, context, next) => {
      const resolved = next(specifier, context)
      const { parentURL = '' } = context
      imports.set(parentURL, (imports.get(parentURL) ?? new Set()).add(resolved.url))
      return resolved
    },
  })

  /** All that a module imports, and what those import that `follows`. */
  const reach = (url: string, follows: (url: string) => boolean, seen = new Set<string>()): ReadonlySet<string> => {
    for (const imported of imports.get(url) ?? []) {
      if (seen.has(imported) || imported === sequelizeUrl) continue
      seen.add(imported)
      if (follows(imported)) reach(imported, follows, seen)
    }
    return seen
  }

  const findings = ({ file }: MigrationFile): readonly Finding[] => {
    const url = pathToFileURL(realpathSync(file)).href
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
 * HM501 to HM503: notes what migrations reach for besides the database, from before they are loaded until they have run and
 * `stop` is called. `running` tells which of them runs.
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
