import type { ServerState } from '../engine.ts'
import { must } from '../failure.ts'
import type { Connection } from './connect.ts'

/** What a server tells of itself and of the database. */
export const describeServer = async (connection: Connection): Promise<ServerState> => {
  const [state] = await connection.rows<ServerState>(
    `SELECT 'PostgreSQL ' || current_setting('server_version') AS version, pg_database_size(current_database()) AS bytes,
       pg_is_in_recovery() AS standby,
       CASE WHEN pg_is_in_recovery() THEN round(extract(epoch FROM now() - pg_last_xact_replay_timestamp()))::int END AS lag`,
  )
  return must(state)
}
