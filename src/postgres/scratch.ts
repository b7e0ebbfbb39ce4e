import { randomUUID } from 'node:crypto'
import type { Migratable } from '../engine.ts'
import { attemptAsync, Failure, must, type Outcome } from '../failure.ts'
import { readServerUrl, type ServerAddress } from '../server.ts'
import { applySettings } from './begin.ts'
import { type Connection, connect } from './connect.ts'
import { sqlState, toFailure } from './errors.ts'
import { beginAlone } from './lock.ts'
import type { Surroundings } from './postgres.ts'
import type { PostgresReader } from './reader.ts'
import { quote } from './sql.ts'
import { migratableOf } from './transaction.ts'

/** A transaction in a database for trying, which is always rolled back. */
export type Scratch = Migratable & PostgresReader & Readonly<{ isClone: boolean }>

/**
 * Runs `work` in an empty schema: in MIGRATOR_SCRATCH_URL, where what its schema holds is put aside until the rollback, or in a new
 * database beside the hub's, which is dropped afterwards. The hub's own database is not touched.
 * @throws Failure PRIVILEGE_MISSING if this user may not make one; what connecting throws; what `work` throws
 */
export const withEmptySchema = <T>(surroundings: Surroundings, work: (scratch: Scratch) => Promise<T>): Promise<T> => {
  const clone = cloneOf(surroundings)
  if (clone === undefined) return withNewDatabase(surroundings, async () => undefined, work)
  return within(surroundings, clone, true, async scratch => {
    const { connection } = scratch
    const { schema } = clone
    await explained(clone, async () => {
      const [there] = await connection.rows('SELECT FROM pg_namespace WHERE nspname = $1', [schema])
      if (there !== undefined) await connection.query(`ALTER SCHEMA ${quote(schema)} RENAME TO ${quote(aside)}`)
      await connection.query(`CREATE SCHEMA ${quote(schema)}`)
    })
    return work(scratch)
  })
}

/**
 * Runs `work` in MIGRATOR_SCRATCH_URL, a clone of the hub's database that a person made; or, without one, in a new database on the
 * hub's server which `prepare` has brought to the same migration, without rows.
 * @throws as withEmptySchema
 */
export const withClone = <T>(
  surroundings: Surroundings,
  prepare: (scratch: Scratch) => Promise<void>,
  work: (scratch: Scratch) => Promise<T>,
): Promise<T> => {
  const clone = cloneOf(surroundings)
  return clone === undefined
    ? withNewDatabase(surroundings, prepare, work)
    : within(surroundings, clone, true, scratch => work(scratch))
}

/** The name of a schema that was put aside, until the rollback. */
const aside = 'migrator aside'

const cloneOf = ({ config }: Surroundings): ServerAddress | undefined => {
  const { server } = config
  const scratchUrl = server?.scratchUrl
  if (scratchUrl === undefined) return undefined
  const clone = readServerUrl(scratchUrl, undefined, 'MIGRATOR_SCRATCH_URL')
  if (clone.shown === server?.shown) {
    const hint = 'Name another database there: a clone that may be changed, such as one made by pg_dump and pg_restore.'
    throw new Failure('CONFIG_INVALID', 'MIGRATOR_SCRATCH_URL is the database that DATABASE_URL names', hint)
  }
  return clone
}

/** Runs `work` in a transaction that is rolled back, unless `keep` is called. */
const within = async <T>(
  { config, log, signal }: Surroundings,
  address: ServerAddress,
  isClone: boolean,
  work: (scratch: Scratch, keep: () => void) => Promise<T>,
): Promise<T> => {
  const open = () => explained(address, () => connect(address, 'write', config.rootCertificate))
  const { statementLockTimeout, lockTimeout } = config
  const connection = await open()
  let isKept = false
  const keep = (): void => {
    isKept = true
  }
  try {
    const onWait = () =>
      log.info('lock.waiting', `waiting up to ${lockTimeout} s for another migrator of ${address.shown}`, {
        database: address.shown,
        lockTimeout,
      })
    await beginAlone(connection, { lockTimeout, signal, onWait })
    await applySettings(connection, statementLockTimeout)
    const scratch = migratableOf(connection, { spare: open, statementLockTimeout })
    const result = await work({ ...scratch, isClone }, keep)
    if (isKept) await connection.query('COMMIT')
    return result
  } finally {
    // the server rolls back what is open
    connection.destroy()
  }
}

const explained = async <T>(address: ServerAddress, work: () => Promise<T>): Promise<T> => {
  const outcome = await attemptAsync(work)
  if ('value' in outcome) return outcome.value
  throw toFailure(outcome.error, address.shown)
}

const withNewDatabase = async <T>(
  surroundings: Surroundings,
  prepare: (scratch: Scratch) => Promise<void>,
  work: (scratch: Scratch) => Promise<T>,
): Promise<T> => {
  const { config, log } = surroundings
  const server = must(config.server)
  const open = () => explained(server, () => connect(server, 'write', config.rootCertificate))
  const connection = await open()
  const holder = await open()
  try {
    const [hub] = await connection.rows<{ oid: string }>(
      'SELECT oid::text FROM pg_database WHERE datname = current_database()',
    )
    const prefix = `migrator_scratch_${hub?.oid}_`
    for (const left of await dropLeft(connection, prefix))
      log.info('scratch.removed', `removed ${left}, which a killed run left behind`, { database: left })
    const name = `${prefix}${randomUUID().replaceAll('-', '_')}`
    await holdName(holder, name)
    const made = await attemptAsync(() => connection.query(`CREATE DATABASE ${name} TEMPLATE template0`))
    if ('error' in made) throw notMade(made.error, server)
    const outcome = await attemptAsync(async () => {
      const address = { ...server, database: name, hosts: [connection.host] }
      await within(surroundings, address, false, async (scratch, keep) => {
        await scratch.connection.query(`CREATE SCHEMA IF NOT EXISTS ${quote(server.schema)}`)
        await prepare(scratch)
        keep()
      })
      return within(surroundings, address, false, scratch => work(scratch))
    })
    await dropDatabase(connection, name)
    return resultOf(outcome)
  } finally {
    holder.destroy()
    await attemptAsync(() => connection.close())
  }
}

/** A lock that says whether the run that made a database still lives: a pooler keeps none of a session, so it is a transaction's. */
const nameLock = "pg_try_advisory_xact_lock(hashtext('homelab-migrator scratch'), hashtext($1)) AS got"

const holdName = async (holder: Connection, name: string): Promise<void> => {
  await holder.query('BEGIN')
  await holder.query('SET LOCAL idle_in_transaction_session_timeout = 0')
  await holder.query(`SELECT ${nameLock}`, [name])
}

/** Drops databases for trying that killed runs of this hub's database left behind. @returns their names */
const dropLeft = async (connection: Connection, prefix: string): Promise<readonly string[]> => {
  const dropped: string[] = []
  for (const { name } of await connection.rows<{ name: string }>(
    'SELECT datname AS name FROM pg_database WHERE starts_with(datname, $1) AND pg_has_role(datdba, $2)',
    [prefix, 'USAGE'],
  )) {
    await connection.query('BEGIN')
    const [tried] = await connection.rows<{ got: boolean }>(`SELECT ${nameLock}`, [name])
    await connection.query('ROLLBACK')
    if (tried?.got !== true) continue
    // two runs may find the same
    const outcome = await attemptAsync(() => dropDatabase(connection, name))
    if ('value' in outcome) dropped.push(name)
  }
  return dropped
}

const resultOf = <T>(outcome: Outcome<T>): T => {
  if ('error' in outcome) throw outcome.error
  return outcome.value
}

const notMade = (error: unknown, { shown, user }: ServerAddress): unknown =>
  sqlState(error) === '42501'
    ? new Failure(
        'PRIVILEGE_MISSING',
        `${user} may not create a database beside ${shown} to try migrations in`,
        `Allow it: ALTER ROLE ${quote(user)} CREATEDB; or set MIGRATOR_SCRATCH_URL to a database for that, such as a clone.`,
        error,
      )
    : toFailure(error, shown)

/** FORCE ends what is still connected to it: a connection of ours that was closed a moment ago. */
const dropDatabase = (connection: Connection, name: string): Promise<unknown> =>
  connection.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
