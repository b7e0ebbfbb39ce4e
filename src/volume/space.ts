import { Failure } from '../failure.ts'
import { statfsSync, statSync } from '../fs.ts'
import { formatBytes } from '../text.ts'
import { freeBytes } from './files.ts'

/** What one part of a run needs in a folder. */
export type Need = Readonly<{ what: string; folder: string; bytes: number; files: number }>

/**
 * Compares a run's needs with the free bytes and inodes, before anything is touched. Folders on one filesystem share
 * them.
 * @param needs in folders that exist
 * @throws Failure DISK_FULL saying what is needed for what, and how much is missing
 */
export const requireSpace = (needs: readonly Need[]): void => {
  for (const [, shares] of Map.groupBy(needs, ({ folder }) => statSync(folder).dev)) {
    const [{ folder } = { folder: '' }] = shares
    const free = freeBytes(folder)
    const { files: allFiles, ffree } = statfsSync(folder)
    const [bytes, files] = [sum(shares.map(need => need.bytes)), sum(shares.map(need => need.files))]
    if (bytes > free) {
      const parts = shares.filter(need => need.bytes > 0).map(need => `${need.what} ${formatBytes(need.bytes)}`)
      const needed = `${formatBytes(bytes)} on ${folder} (${parts.join(', ')})`
      throw short(`${needed}, and ${formatBytes(free)} are free`, formatBytes(bytes - free))
    }
    // filesystems that allocate inodes dynamically, such as btrfs, report none
    if (allFiles > 0 && files > ffree)
      throw short(`${files} new files on ${folder}, and ${ffree} inodes are free`, `${files - ffree} inodes`)
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, number) => all + number, 0)

const short = (what: string, missing: string): Failure =>
  new Failure('DISK_FULL', `the run needs ${what}`, `Free ${missing} there. Nothing was changed.`)
