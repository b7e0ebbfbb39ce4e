import { dirname, join, resolve } from 'node:path'
import type { Sequelize } from 'sequelize'
import { databasePath, isServerUrl } from '../config.ts'
import { Failure, type FailureCode } from '../failure.ts'
import { requireDatabase } from '../ready/lost.ts'
import { expectedMarker, matches, readContents, readMarker } from '../ready/marker.ts'
import { connectSequelize } from '../sqlite/bridge/sequelize.ts'
import { type Connection, closeUnlessDamaged, openExisting } from '../sqlite/connect.ts'
import { toFailure } from '../sqlite/errors.ts'
import { preflight } from '../sqlite/file.ts'
import { readerOf } from '../sqlite/reader.ts'
import { followLink } from '../volume/volume.ts'

/** The export `homelab-migrator/ready`. */
export type { Failure, FailureCode }

/** A hub's open connection to a database that was ready when it was opened. */
export type Hub = HubOf<Sequelize>

/** The same with the Sequelize of either version. */
export type HubOf<S> = Readonly<{
  sequelize: S
  /** call it last; it also leaves no WAL behind */
  close: () => Promise<void>
}>

export type Closes = Readonly<{ close: () => Promise<void> }>

/**
 * Opens a database that the migrator made ready. After a reboot, container engines restart a hub without running the migrator, so
 * the hub checks the ready marker itself.
 * @param url as DATABASE_URL, such as `sqlite:/app/data/homelab.db`, or the path of the file
 * @param readyFile as MIGRATOR_READY_FILE; `.ready` beside the database if unset. For a server, whose history says what is ready,
 *   the folder of migrations, as MIGRATOR_MIGRATIONS; the package's own if unset
 * @throws Failure NOT_READY if the ready marker is missing or not true of the database, or something is pending on a server;
 *   DATABASE_DAMAGED if the file is lost or is no database; CONFIG_INVALID for an invalid URL; DATABASE_BUSY while another program replaces the database
 */
export const openReady = async (url: string, readyFile?: string): Promise<Hub> => {
  if (!isServerUrl(url)) return openReadyFile(url, readyFile, connectSequelize)
  const [{ openReadyServer }, { connectAddress }] = await Promise.all([
    import('./ready-server.ts'),
    import('../postgres/hub.ts'),
  ])
  return openReadyServer(url, readyFile, connectAddress)
}

/** openReady of a file, for either Sequelize. */
export const openReadyFile = async <S extends Closes>(
  url: string,
  readyFile: string | undefined,
  connect: (connection: Connection) => S,
): Promise<HubOf<S>> => {
  const given = resolve(isPath(url) ? url : databasePath(url))
  const volume = dirname(given)
  const place = followLink({ database: given, volume, readyFile: resolve(readyFile || join(volume, '.ready')) })
  const marker = readMarker(place.readyFile)
  if (marker === undefined) throw notReady(`no ready marker ${place.readyFile}`)
  let connection: Connection | undefined
  try {
    await requireDatabase({ preflight: async () => preflight(place.database, false) }, place)
    connection = openExisting(place.database)
    const truth = expectedMarker(await readContents(readerOf(connection), place.database), marker.tables)
    if (!matches(marker, truth)) {
      const found = `${place.database} is at ${truth.schema || 'no migration'}`
      throw notReady(
        `the ready marker ${place.readyFile} is of another database or schema (${marker.schema}): ${found}`,
      )
    }
    return toHub(connection, connect(connection))
  } catch (error) {
    const failure = toFailure(error, place.database)
    if (connection !== undefined) closeUnlessDamaged(connection, failure)
    throw failure
  }
}

/** Anything with a scheme is a URL, even of a database this program does not support. */
const isPath = (url: string): boolean => url !== '' && !/^[a-z][a-z\d+.-]+:/i.test(url)

const toHub = <S extends Closes>(connection: Connection, sequelize: S): HubOf<S> => {
  const close = async (): Promise<void> => {
    await sequelize.close()
    connection.close()
  }
  return { sequelize, close }
}

const notReady = (reason: string): Failure =>
  new Failure('NOT_READY', reason, 'Run `migrator up`; `migrator wait` returns once it is done.')
