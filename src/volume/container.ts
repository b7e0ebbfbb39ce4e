import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Environment } from '../config.ts'
import { type Mount, mountOf } from './mounts.ts'

/**
 * Whether this process runs inside a container: two signs must agree, since each alone is found outside too. Docker
 * leaves `/.dockerenv`, Podman `/run/.containerenv` and `container=`, Kubernetes its service address; image-based roots
 * are an overlay; every engine mounts its own `/etc/hosts` or `/etc/resolv.conf`.
 * `root` is the folder to look for the files in: `/`, but for tests.
 */
export const isContainer = (root: string, environment: Environment, mounts: readonly Mount[]): boolean => {
  const signs = [
    existsSync(join(root, '.dockerenv')) || existsSync(join(root, 'run/.containerenv')),
    Boolean(environment.container),
    Boolean(environment.KUBERNETES_SERVICE_HOST),
    mountOf(mounts, '/')?.filesystem === 'overlay',
    mounts.some(({ point }) => point === '/etc/hosts' || point === '/etc/resolv.conf'),
  ]
  return signs.filter(Boolean).length >= 2
}
