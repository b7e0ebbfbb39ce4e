import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../failure.ts'

const prefix = '.migrator-partial-'

/** Milliseconds after which nobody works in such a folder any more: a day. */
const longest = 24 * 3600 * 1000

/**
 * Removes the partial folders that killed runs left in another, so that there is their room again.
 * @param alone whether nobody else can be at work in such a folder now, as under the write lock; otherwise only those of yesterday
 *   are taken for left behind
 */
export const removePartialFolders = (parent: string, alone: boolean): void => {
  if (!existsSync(parent)) return
  for (const entry of readdirSync(parent).filter(name => name.startsWith(prefix))) {
    const age = Date.now() - (statSync(join(parent, entry), { throwIfNoEntry: false })?.mtimeMs ?? 0)
    if (alone || age > longest) remove(join(parent, entry))
  }
}

/**
 * Runs `work` with a new folder inside of another, so on its filesystem, for files that get their place by rename once they are
 * whole. It is removed in every path.
 * @throws what `work` throws; Failure DATABASE_BUSY when another run, which was alone, took the folder away
 */
export const withPartialFolder = async <T>(parent: string, work: (folder: string) => Promise<T>): Promise<T> => {
  const folder = mkdtempSync(join(parent, prefix))
  const outcome = await work(folder).then(
    value => ({ value }),
    error => ({ error }),
  )
  const isMine = existsSync(folder)
  remove(folder)
  if ('value' in outcome) return outcome.value
  if (isMine) throw outcome.error
  const message = `another run makes a copy in ${parent} at the same time`
  throw new Failure('DATABASE_BUSY', message, 'Start again.', outcome.error)
}

const remove = (folder: string): void => rmSync(folder, { recursive: true, force: true })
