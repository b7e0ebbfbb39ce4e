import { basename, join } from 'node:path'
import { copyWithoutTrace } from '../database/copy-without-trace.ts'
import { toFailure } from '../database/sqlite-failure.ts'
import { Failure } from '../failure.ts'
import { sizeWithJournals } from '../ready/state.ts'
import { makeTemporaryFolder, moreRoom, refuseLittleRoom } from '../temporary-folder.ts'
import { type Context, patienceOf } from './context.ts'

/** The copy, and as much again for what migrations make of it. */
const copies = 2

/**
 * Runs `work` with the path of a copy of the database in a temporary folder, which goes in every path. The volume is only read.
 * Where there is no database there is no copy either: the path is free.
 * @throws Failure DISK_FULL that names the temporary folder, when the copy or what is made of it has no room; what `work` throws
 */
export const withCopy = async <T>(context: Context, work: (copy: string) => Promise<T>): Promise<T> => {
  const { database } = context.config
  const bytes = sizeWithJournals(database)
  const folder = makeTemporaryFolder()
  const copyAndWork = async (): Promise<T> => {
    refuseLittleRoom(folder.path, copies * bytes)
    const copy = join(folder.path, basename(database))
    if (bytes > 0) await copyWithoutTrace(database, copy, patienceOf(context))
    return work(copy)
  }
  return copyAndWork()
    .catch(error => {
      throw ofTheCopy(toFailure(error, database))
    })
    .finally(folder.remove)
}

/** What was full is the temporary folder. */
const ofTheCopy = (error: unknown): unknown => {
  if (!(error instanceof Failure) || error.code !== 'DISK_FULL' || error.hint === moreRoom) return error
  const message = 'the temporary folder is full: a copy and what migrations make of it have no room there'
  return new Failure('DISK_FULL', message, moreRoom, error)
}
