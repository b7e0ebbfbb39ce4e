import { Failure, must } from '../failure.ts'
import type { Access, Source } from './connect.ts'

/** What a server says of itself. */
type ServerFacts = Readonly<{
  /** such as `PostgreSQL 18.4 on x86_64-pc-linux-gnu`; servers that imitate PostgreSQL name themselves here */
  version: string
  /** such as 180004 */
  number: number
  standby: boolean
  /** YugabyteDB: whether DDL is part of transactions; null elsewhere */
  transactionalDdl: string | null
  /** tables of Citus are there */
  citus: boolean
}>

/** The oldest major version that is served. */
const oldest = 14

/** @throws Failure SERVER_UNSUITABLE, or DATABASE_READ_ONLY if `access` is to write and the server is a standby */
export const requireSuitable = async (connection: Source, access: Access): Promise<void> => {
  const { shown } = connection.address
  const [found] = await connection.rows<ServerFacts>(
    `SELECT version() AS version, current_setting('server_version_num')::int AS number,
       pg_is_in_recovery() AS standby, current_setting('yb_ddl_transaction_block_enabled', true) AS "transactionalDdl",
       EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') AS citus`,
  )
  const facts = must(found)
  const reason = unsuitable(facts)
  if (reason !== undefined) {
    const hint = `Use PostgreSQL ${oldest} or later; docs/postgres.md lists what else was tried.`
    throw new Failure('SERVER_UNSUITABLE', `${shown} cannot be migrated safely: ${reason}`, hint)
  }
  if (facts.citus && (await isWorker(connection))) {
    const hint = "Put the cluster's coordinator in DATABASE_URL."
    throw new Failure('SERVER_UNSUITABLE', `${shown} is a Citus worker`, hint)
  }
  if (access === 'write' && facts.standby) {
    const hint = 'Put the primary in DATABASE_URL, or all hosts of the cluster: host1:5432,host2:5432.'
    throw new Failure('DATABASE_READ_ONLY', `${shown} is a standby, which is read-only`, hint)
  }
}

/** Why a server is not served; undefined if it is. */
export const unsuitable = ({ version, number, transactionalDdl }: ServerFacts): string | undefined => {
  if (/CockroachDB/i.test(version))
    return 'CockroachDB has no advisory locks, and its DDL is not undone with a transaction'
  if (/-YB-/.test(version) && transactionalDdl !== 'on') return "YugabyteDB's DDL is not part of transactions here"
  if (number < oldest * 10_000) return `it is PostgreSQL ${Math.floor(number / 10_000)}`
  return undefined
}

const isWorker = async (connection: Source): Promise<boolean> => {
  const groups = await connection.rows<{ groupid: number }>('SELECT groupid FROM pg_catalog.pg_dist_local_group')
  return groups.some(({ groupid }) => groupid !== 0)
}
