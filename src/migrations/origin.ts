import type { Connection } from '../database/open.ts'
import { Failure } from '../failure.ts'

/** The tool that made a database, as far as its own records tell. */
export type Origin = Readonly<{
  tool: 'Alembic' | 'sequelize-cli' | 'another tool'
  /** Alembic's; null for other tools */
  revision: string | null
}>

/** Alembic's revision that makes servers and metrics: the first of the hub in Python. */
const knownRevision = '2e6e20f4bc94'

/**
 * Asks the records of other tools.
 * @param hasForeignRows whether SequelizeMeta names migrations that are not ours
 * @throws Failure HISTORY_CONFLICT when Alembic's is at another revision than the one that is known, at none, or at several
 */
export const readOrigin = (connection: Connection, path: string, hasForeignRows: boolean): Origin => {
  const hasAlembic = connection.prepare("SELECT 1 FROM pragma_table_info('alembic_version') WHERE name = 'version_num'")
  if (hasAlembic.get() === undefined) return { tool: hasForeignRows ? 'sequelize-cli' : 'another tool', revision: null }
  const revisions = connection.prepare<[], string>('SELECT version_num FROM alembic_version').pluck().all()
  if (revisions.join() === knownRevision) return { tool: 'Alembic', revision: knownRevision }
  throw new Failure(
    'HISTORY_CONFLICT',
    `${path} is at Alembic's revision ${revisions.join(', ') || 'none'}, and only ${knownRevision} is known here`,
    `Bring it there with "alembic upgrade ${knownRevision}" or "alembic downgrade ${knownRevision}", on a copy first. Nothing was changed.`,
  )
}

/** For people and for the history: `Alembic 2e6e20f4bc94`. */
export const originText = ({ tool, revision }: Origin): string => (revision === null ? tool : `${tool} ${revision}`)
