import { chmodSync, chownSync, statSync } from 'node:fs'
import { attempt } from '../attempt.ts'

/** Gives a file or folder the mode of another and, where this user may, its owner: root does, for whoever has the volume. */
export const sameOwner = (path: string, model: string): void => {
  const { mode, uid, gid } = statSync(model)
  chmodSync(path, mode & 0o7777)
  attempt(() => chownSync(path, uid, gid))
}
