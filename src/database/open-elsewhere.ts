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
  const self = ifAllowed(() => readlinkSync('/proc/self'))
  for (const pid of (ifAllowed(() => readdirSync('/proc')) ?? []).filter(name => /^\d+$/.test(name) && name !== self)) {
    const folder = `/proc/${pid}/fd`
    const has = (ifAllowed(() => readdirSync(folder)) ?? []).some(descriptor => {
      const link = `${folder}/${descriptor}`
      if (basename(ifAllowed(() => readlinkSync(link)) ?? '') !== basename(path)) return false
      const open = ifAllowed(() => statSync(link))
      return open !== undefined && open.dev === file.dev && open.ino === file.ino
    })
    if (has) throw openBy(path, `${pid} (${ifAllowed(() => readFileSync(`/proc/${pid}/comm`, 'utf8').trim())})`)
  }
}

const openBy = (path: string, process: string): Failure =>
  new Failure('DATABASE_BUSY', `${path} is open in process ${process}`, 'Stop it first, then start again.')

/** Processes come and go, and most of what they have is not for this user. */
const ifAllowed = <T>(work: () => T): T | undefined => {
  const outcome = attempt(work)
  return 'value' in outcome ? outcome.value : undefined
}
