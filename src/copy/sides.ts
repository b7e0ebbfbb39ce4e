import { dirname, join, resolve } from 'node:path'
import { type Config, databasePath, isServerUrl } from '../config.ts'
import type { Context } from '../context.ts'
import { attempt, Failure, reasonOf } from '../failure.ts'
import { readAddress, type ServerAddress } from '../server.ts'
import { followLink } from '../volume/volume.ts'

/** The two databases of a copy: one is a file, the other on a server. */
export type Places = Readonly<{
  /** which of them is read */
  from: 'file' | 'server'
  /** what a command on the file gets */
  file: Context
  /** what a command on the server gets */
  server: Context
  address: ServerAddress
}>

const form =
  'Write --from sqlite:FILE where DATABASE_URL names a server, and --from postgres://USER@HOST/NAME where it names a file.'

/**
 * Reads --from beside DATABASE_URL.
 * @throws Failure CONFIG_INVALID if they do not name a file and a server
 */
export const placesOf = (context: Context, from: string | undefined): Places => {
  const { config } = context
  if (from === undefined) throw new Failure('CONFIG_INVALID', '--from is missing: it names the database to read', form)
  const { server: address } = config
  if (isServerUrl(from) === (address !== undefined)) {
    const kinds = address === undefined ? 'two files' : 'two servers'
    throw new Failure('CONFIG_INVALID', `a copy goes from a file to a server or back, and these are ${kinds}`, form)
  }
  if (address === undefined) {
    const other = ofOption(() => readAddress(from, config.passwordFile))
    const there = { ...config, database: other.shown, server: { ...other, scratchUrl: undefined } }
    return { from: 'server', file: context, server: { ...context, config: there }, address: other }
  }
  const there = fileConfig(config, resolve(ofOption(() => databasePath(from))))
  return { from: 'file', file: { ...context, config: there }, server: context, address }
}

const fileConfig = (config: Config, database: string): Config => {
  const volume = dirname(database)
  return followLink({ ...config, server: undefined, database, volume, readyFile: join(volume, '.ready') })
}

/** What is wrong with the URL of the database is said of the option. */
const ofOption = <T>(read: () => T): T => {
  const outcome = attempt(read)
  if ('value' in outcome) return outcome.value
  throw new Failure('CONFIG_INVALID', reasonOf(outcome.error).replace('DATABASE_URL', '--from'), form, outcome.error)
}
