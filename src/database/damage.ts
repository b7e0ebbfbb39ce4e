import { statSync } from 'node:fs'
import { Failure } from '../failure.ts'
import type { Connection } from './open.ts'

/** How many findings a failure quotes; SQLite stops looking there. */
const quoted = 3

/**
 * Reads the whole database for damage: `quick_check` finds broken pages, NOT NULL and CHECK violations;
 * `integrity_check` also finds indexes that do not match their tables, in about three times the time.
 * @param path whose content it is, for the message: the connection may be to a copy
 * @throws Failure DATABASE_DAMAGED with the first findings; SQLite's own errors on a file that cannot be read at all
 */
export const refuseDamage = (connection: Connection, check: 'quick_check' | 'integrity_check', path: string): void => {
  const findings = connection.prepare<[], string>(`PRAGMA ${check}(${quoted})`).pluck().all()
  if (findings.length === 1 && findings[0] === 'ok') return
  throw new Failure(
    'DATABASE_DAMAGED',
    `${path} is damaged: ${findings.join('; ').replaceAll('\n', ' ')}`,
    'Restore a backup: the newest are in the folder "backups" beside it. The file was not touched.',
  )
}

/** Whether a journal with content lies beside the database: its last writer was killed, or is still at work. */
export const hasLeftovers = (path: string): boolean =>
  ['-journal', '-wal'].some(suffix => (statSync(path + suffix, { throwIfNoEntry: false })?.size ?? 0) > 0)
