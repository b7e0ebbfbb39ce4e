import { join } from 'node:path'
import type { Environment } from './config.ts'
import type { Context } from './context.ts'
import { attempt, Failure, isFailure } from './failure.ts'
import { readFileSync } from './fs.ts'
import { createSqlite } from './sqlite/sqlite.ts'
import { fileFailure } from './volume/errors.ts'
import { type Mount, parseMounts } from './volume/mounts.ts'
import type { Identity } from './volume/owner.ts'
import { type Host, isContainer } from './volume/volume.ts'

/** The folder of package.json. */
export const root = join(import.meta.dirname, '..')

/** A bundle has the version in its text (scripts/bundle.ts), which saves reading and parsing package.json. */
declare const bundledVersion: string | undefined
/** @throws Failure CONFIG_INVALID if this installation is not whole */
export const readVersion = (): string => {
  if (typeof bundledVersion === 'string') return bundledVersion
  const file = join(root, 'package.json')
  const read = attempt(() => String(JSON.parse(readFileSync(file, 'utf8')).version))
  if ('value' in read) return read.value
  throw new Failure('CONFIG_INVALID', `this installation is incomplete: cannot read ${file}`, 'Install it again.')
}

/** Only Linux has this file; elsewhere there are no containers to detect. */
export const readMounts = (): readonly Mount[] => {
  const read = attempt(() => readFileSync('/proc/self/mountinfo', 'utf8'))
  return parseMounts('value' in read ? read.value : '')
}

export const hostOf = (environment: Environment, mounts: readonly Mount[], identity: Identity): Host => {
  const container = isContainer('/', environment, mounts)
  return { container, mounts, uid: identity.getuid?.(), gid: identity.getgid?.() }
}

/** What a command gets, with the engine that the settings name. */
export const contextOf = async (given: Omit<Context, 'engine' | 'version'>): Promise<Context> => {
  const { server } = given.config
  const engine =
    server === undefined ? createSqlite(given) : (await import('./postgres/postgres.ts')).createPostgres(given, server)
  // not a copy, for which `signal` would be made
  return Object.assign(given, { engine, version: readVersion() })
}

/**
 * Maps an error to its Failure; for a damaged database, adds the backup that would repair it. A file that a server is filled from
 * may be damaged, too: it has none here.
 * @param context undefined if the error was before there was one
 */
export const explain = async (error: unknown, context: Context | undefined): Promise<unknown> => {
  if (context === undefined) return fileFailure(error)
  const failure = context.engine.explain(error)
  if (!isFailure(failure, 'DATABASE_DAMAGED') || context.engine.file === undefined) return failure
  return (await import('./commands/restore.ts')).explainDamage(failure, context)
}
