import { statSync } from 'node:fs'
import { attempt } from '../attempt.ts'

type Identity = Pick<NodeJS.Process, 'getuid' | 'setgroups' | 'setgid' | 'setuid'>

/**
 * Run as root in a container, this program would leave files in the volume that its owner, the hub, cannot write. So it
 * becomes the owner of the folder first. Without the capability to (`--cap-drop=ALL`) root stays what it is, and may not
 * write there at all: checkVolume says so.
 */
export const becomeOwner = (folder: string, container: boolean, identity: Identity): void => {
  if (!container || identity.getuid?.() !== 0) return
  const owner = statSync(folder, { throwIfNoEntry: false })
  if (owner === undefined || owner.uid === 0) return
  // the groups go first: afterwards there is no right to
  attempt(() => [identity.setgroups?.([owner.gid]), identity.setgid?.(owner.gid), identity.setuid?.(owner.uid)])
}
