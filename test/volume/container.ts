import t from 'tap'
import { isContainer } from '../../src/volume/container.ts'
import { parseMounts } from '../../src/volume/mounts.ts'

const overlay = '1 0 0:1 / / rw - overlay overlay rw\n'
const disk = '1 0 0:1 / / rw - ext4 /dev/sda1 rw\n'
const hosts = '2 1 0:2 /x /etc/hosts rw - ext4 /dev/sda1 rw\n'
const resolv = '2 1 0:2 /x /etc/resolv.conf rw - ext4 /dev/sda1 rw\n'

for (const [title, files, environment, mounts, expected] of [
  ['a host is none', {}, {}, disk, false],
  ['a stray /.dockerenv alone does not make one', { '.dockerenv': '' }, {}, disk, false],
  ['a live system on an overlay alone is none', {}, {}, overlay, false],
  ['Docker on overlay2', { '.dockerenv': '' }, {}, overlay + hosts, true],
  ['Docker on another storage driver', { '.dockerenv': '' }, {}, disk + hosts, true],
  ['Podman', { run: { '.containerenv': '' } }, { container: 'podman' }, disk, true],
  ['Kubernetes on containerd', {}, { KUBERNETES_SERVICE_HOST: '10.0.0.1' }, overlay + resolv, true],
] as const) {
  t.test(`${title} (${expected ? 'a container' : 'no container'})`, async t => {
    t.equal(isContainer(t.testdir(files), environment, parseMounts(mounts)), expected)
  })
}
