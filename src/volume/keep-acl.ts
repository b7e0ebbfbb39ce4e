import { spawnSync } from 'node:child_process'

/**
 * Gives a file the access control list of another, through which the hub of another user may have it (`setfacl -m u:1001:rw`). Node
 * cannot read one; GNU cp can, as part of the mode. Without it, or where the filesystem has none, nothing is changed.
 */
export const keepAcl = (path: string, model: string): void => {
  spawnSync('cp', ['--attributes-only', '--preserve=mode', '--', model, path], { stdio: 'ignore' })
}
