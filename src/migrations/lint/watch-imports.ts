import { realpathSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { KnownMigration } from '../known.ts'
import { sequelizeUrl } from '../load.ts'
import { type Finding, finding } from './finding.ts'

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

  const findings = ({ file }: KnownMigration): readonly Finding[] => {
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
