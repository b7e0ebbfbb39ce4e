import { existsSync, statSync } from 'node:fs'
import type { Config } from '../config.ts'
import { listBackups } from '../database/backup.ts'
import { Failure } from '../failure.ts'
import { withdrawn } from './marker.ts'

/**
 * To SQLite a missing or empty file is a sound, new database. Where a ready marker or a backup shows that there was data,
 * it is a loss, and making a new one would hide it.
 * @throws Failure DATABASE_DAMAGED
 */
export const refuseLostDatabase = ({ database, readyFile }: Config): void => {
  const size = statSync(database, { throwIfNoEntry: false })?.size ?? 0
  if (size > 0) return
  const evidence = [readyFile, withdrawn(readyFile)].find(file => existsSync(file)) ?? listBackups(database).at(-1)
  if (evidence === undefined) return
  throw new Failure(
    'DATABASE_DAMAGED',
    `${database} is missing or empty, but ${evidence} shows that it had data`,
    `Put the database back, or remove ${evidence} to start anew.`,
  )
}
