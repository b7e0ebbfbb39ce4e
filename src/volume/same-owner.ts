import { chmodSync, chownSync, statSync } from 'node:fs'
import { attempt } from '../attempt.ts'

/**
 * Gives a file or folder the mode of another and, as far as this user may, its group and its owner: root may for whoever has the
 * volume, anybody else for a group of his own, through which a hub of another user has the file.
 */
export const sameOwner = (path: string, model: string): void => {
  const { mode, uid, gid } = statSync(model)
  chmodSync(path, mode & 0o7777)
  const asItIs = -1
  attempt(() => chownSync(path, asItIs, gid))
  attempt(() => chownSync(path, uid, asItIs))
}
