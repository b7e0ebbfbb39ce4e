import { realpathSync } from 'node:fs'
import { dirname, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { getCallSites } from 'node:util'
import type { KnownMigration } from '../known.ts'
import { type Finding, finding } from './finding.ts'

/** What migrations should not call, the code of who does, and where it is. */
const calls = [
  ['Date.now', 'HM502', Date, 'now'],
  ['performance.now', 'HM502', performance, 'now'],
  ['Math.random', 'HM502', Math, 'random'],
  ['crypto.randomUUID', 'HM502', crypto, 'randomUUID'],
  ['fetch', 'HM503', globalThis, 'fetch'],
] as const
type Code = (typeof calls)[number][1]

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
  const restores = calls.map(([what, code, object, key]) => {
    const own = Object.getOwnPropertyDescriptor(object, key)
    const original = Reflect.get(object, key)
    const noting = (...values: readonly unknown[]): unknown => {
      note(code, what)
      return Reflect.apply(original, object, values)
    }
    Object.defineProperty(object, key, { value: noting, configurable: true, writable: true })
    return () => (own === undefined ? Reflect.deleteProperty(object, key) : Object.defineProperty(object, key, own))
  })

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
      for (const restore of restores) restore()
    },
  }
}

/** As modules and frames of the stack have it: of the real file, where symbolic links lead to it. */
const urlOf = (path: string): string => pathToFileURL(realpathSync(path)).href
