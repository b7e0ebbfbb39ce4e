import { rmSync } from 'node:fs'
import { hasLeftovers } from './leftovers.ts'
import { copyFiles, isStill, mark, needsWriting, openStill } from './look.ts'
import { type Connection, openForReading } from './open.ts'
import { type Patience, whenFree } from './wait.ts'

/** Pages that are copied before a signal is heard and other work gets its turn. */
const pagesAtOnce = 2000

/**
 * Copies the last committed content of a database, page by page, into a file that is not there yet. Leaves no trace beside
 * the original, as `look` does and for the same reasons, and holds up no writer in WAL mode. The copy has its journal mode.
 * @throws what stops the wait for a writer; SQLite's own errors (SQLITE_FULL)
 */
export const copyWithoutTrace = async (path: string, copy: string, patience: Patience): Promise<void> => {
  if (isStill(path)) {
    if (hasLeftovers(path)) return copyFiles(path, copy)
    const before = mark(path)
    const outcome = await copyPages(openStill(path), copy, patience).then(
      () => undefined,
      error => ({ error }),
    )
    if (mark(path) === before) {
      if (outcome !== undefined) throw outcome.error
      return
    }
    rmSync(copy, { force: true })
  }
  try {
    await copyPages(openForReading(path), copy, patience)
  } catch (error) {
    if (!needsWriting(error)) throw error
    rmSync(copy, { force: true })
    copyFiles(path, copy)
  }
}

const copyPages = async (source: Connection, copy: string, patience: Patience): Promise<void> => {
  try {
    // all pages as they are at this moment, whoever writes meanwhile
    source.exec('BEGIN')
    await whenFree(() => source.prepare('SELECT count(*) FROM sqlite_schema').get(), patience)
    const progress = () => {
      patience.signal.throwIfAborted()
      return pagesAtOnce
    }
    await source.backup(copy, { progress })
  } finally {
    source.close()
  }
}
