import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../failure.ts'

const prefix = '.partial-'

/**
 * Runs `work` with a new folder inside of another, so on its filesystem, for files that get their place by rename once they are
 * whole. It is removed in every path, and first of all what killed runs left; also that of a run which makes one at the same time.
 * @throws what `work` throws; Failure DATABASE_BUSY when another run took the folder away
 */
export const withPartialFolder = async <T>(parent: string, work: (folder: string) => Promise<T>): Promise<T> => {
  for (const entry of readdirSync(parent).filter(name => name.startsWith(prefix))) remove(join(parent, entry))
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
