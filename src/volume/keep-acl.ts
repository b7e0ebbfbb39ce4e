import { spawnSync } from 'node:child_process'

/**
 * Copies the access control list of `model`, which may be how the hub of another user has it (`setfacl -m u:1001:rw`).
 * Node cannot read one; GNU cp copies it with the mode. Does nothing without GNU cp or ACLs.
 */
export const keepAcl = (path: string, model: string): void => {
  spawnSync('cp', ['--attributes-only', '--preserve=mode', '--', model, path], { stdio: 'ignore' })
}
