import { statfsSync } from 'node:fs'

/** How many bytes are free on a folder's filesystem; Infinity where it does not tell, such as ramfs and a tmpfs without a limit. */
export const freeBytes = (folder: string): number => {
  const { bavail, blocks, bsize } = statfsSync(folder)
  return blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize
}
