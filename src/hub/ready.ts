import { dirname, join, resolve } from 'node:path'
import type { Sequelize } from 'sequelize'
import { databasePath } from '../config.ts'
import { Failure, type FailureCode } from '../failure.ts'
import { requireDatabase } from '../ready/lost.ts'
import { expectedMarker, matches, readContents, readMarker } from '../ready/marker.ts'
import { connectSequelize } from '../sqlite/bridge/sequelize.ts'
import { type Connection, closeUnlessDamaged, openExisting } from '../sqlite/connect.ts'
import { toFailure } from '../sqlite/errors.ts'
import { preflight } from '../sqlite/file.ts'
import { readerOf } from '../sqlite/reader.ts'
import { followLink } from '../volume/volume.ts'

/** `homelab-migrator/ready` is this file. */
export type { Failure, FailureCode }

/** A database that is ready, for as long as a hub runs. */
export type Hub = Readonly<{
  sequelize: Sequelize
  /** to be called last: it also leaves no WAL behind */
  close: () => Promise<void>
}>

/**
 * Opens a database that the migrator made ready. Container engines start a hub again after a reboot without running the migrator,
 * so a hub looks for itself.
 * @param url what DATABASE_URL is, such as `sqlite:/app/data/homelab.db`, or the path of the file
 * @param readyFile what MIGRATOR_READY_FILE is; `.ready` beside the database where that is not set
 * @throws Failure NOT_READY where the ready marker is missing, or not true of the database; DATABASE_DAMAGED where the database is
 *   lost or none; CONFIG_INVALID for a URL that makes no sense; DATABASE_BUSY while another program replaces the database
 */
export const openReady = async (url: string, readyFile?: string): Promise<Hub> => {
  const given = resolve(isPath(url) ? url : databasePath(url))
  const volume = dirname(given)
  const place = followLink({ database: given, volume, readyFile: resolve(readyFile || join(volume, '.ready')) })
  const marker = readMarker(place.readyFile)
  if (marker === undefined) throw notReady(`no ready marker ${place.readyFile}`)
  let connection: Connection | undefined
  try {
    await requireDatabase({ preflight: async () => preflight(place.database) }, place)
    connection = openExisting(place.database)
    const truth = expectedMarker(await readContents(readerOf(connection), place.database), marker.tables)
    if (!matches(marker, truth)) {
      const found = `${place.database} is at ${truth.schema || 'no migration'}`
      throw notReady(
        `the ready marker ${place.readyFile} is of another database or schema (${marker.schema}): ${found}`,
      )
    }
    return toHub(connection)
  } catch (error) {
    const failure = toFailure(error, place.database)
    if (connection !== undefined) closeUnlessDamaged(connection, failure)
    throw failure
  }
}

/** What begins with a scheme is a URL, if only of a database that this program does not know. */
const isPath = (url: string): boolean => url !== '' && !/^[a-z][a-z\d+.-]+:/i.test(url)

const toHub = (connection: Connection): Hub => {
  const sequelize = connectSequelize(connection)
  const close = async (): Promise<void> => {
    await sequelize.close()
    connection.close()
  }
  return { sequelize, close }
}

const notReady = (reason: string): Failure =>
  new Failure('NOT_READY', reason, 'Run "migrator up"; "migrator wait" returns when it is done.')
