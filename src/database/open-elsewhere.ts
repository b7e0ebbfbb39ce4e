import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { attempt } from '../attempt.ts'
import { Failure } from '../failure.ts'

/**
 * Finds who has the database open though it holds no lock, as an idle connection in rollback-journal mode. Only what the kernel
 * shows is seen (proc(5)): processes of this container, and for a user other than root its own.
 * @throws Failure DATABASE_BUSY naming the process
 */
export const refuseOpenElsewhere = (path: string): void => {
  const file = statSync(path, { throwIfNoEntry: false })
  if (file === undefined) return
  const [self] = allowed(() => [readlinkSync('/proc/self')])
  const isIt = (link: string): boolean =>
    allowed(() => [basename(readlinkSync(link))]).includes(basename(path)) &&
    allowed(() => [statSync(link)]).some(({ dev, ino }) => dev === file.dev && ino === file.ino)
  for (const pid of allowed(() => readdirSync('/proc')).filter(name => /^\d+$/.test(name) && name !== self)) {
    const folder = `/proc/${pid}/fd`
    if (!allowed(() => readdirSync(folder)).some(descriptor => isIt(`${folder}/${descriptor}`))) continue
    const names = allowed(() => [readFileSync(`/proc/${pid}/comm`, 'utf8').trim()])
    throw new Failure(
      'DATABASE_BUSY',
      `${path} is open in process ${pid} (${names})`,
      'Stop it first, then start again.',
    )
  }
}

/** Processes come and go, and most of what they have is not for this user: then there is nothing. */
const allowed = <T>(work: () => readonly T[]): readonly T[] => {
  const outcome = attempt(work)
  return 'value' in outcome ? outcome.value : []
}
