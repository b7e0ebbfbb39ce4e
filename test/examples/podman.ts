import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { root } from '../help/program.ts'

const folder = join(root, 'examples/podman')
const read = (name: string): string => readFileSync(join(folder, name), 'utf8')

t.test('the hub requires the migrator and comes after it; the migrator runs once', async t => {
  t.match(read('homelab-hub.container'), /^Requires=homelab-migrator\.service\nAfter=homelab-migrator\.service$/m)
  t.match(read('homelab-migrator.container'), /^Type=oneshot\nRemainAfterExit=yes$/m)
})

t.test('every volume and service that is named has its file', async t => {
  for (const name of readdirSync(folder).filter(name => name.endsWith('.container'))) {
    for (const [, volume = ''] of read(name).matchAll(/^Volume=([^:]+):/gm))
      t.ok(existsSync(join(folder, volume)), volume)
    for (const [, service = ''] of read(name).matchAll(/^(?:Requires|After)=(.+)\.service$/gm))
      t.ok(existsSync(join(folder, `${service}.container`)), service)
  }
})

/** Comes with Podman 4.4 and later. */
const generator = ['/usr/libexec/podman/quadlet', '/usr/lib/podman/quadlet'].find(file => existsSync(file))
const skip = generator === undefined && 'there is no Quadlet: it comes with Podman 4.4'

t.test("Podman's generator makes services of them", { skip }, async t => {
  const env = { ...process.env, QUADLET_UNIT_DIRS: folder }
  const { status, stdout } = spawnSync(generator ?? '', ['-dryrun'], { encoding: 'utf8', env })
  t.equal(status, 0)
  for (const service of ['homelab-hub', 'homelab-migrator', 'homelab-data-volume'])
    t.match(stdout, `---${service}.service---`)
})
