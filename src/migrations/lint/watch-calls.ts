import nodeCrypto from 'node:crypto'
import { realpathSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { dirname, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { getCallSites } from 'node:util'
import type { KnownMigration } from '../known.ts'
import { type Finding, finding } from './finding.ts'

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
export const watchCalls = (migrations: readonly KnownMigration[]) => {
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
