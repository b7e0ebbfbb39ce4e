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

t.test('every service that is named has its file, and both have one volume', async t => {
  const containers = readdirSync(folder).filter(name => name.endsWith('.container'))
  const named = containers.flatMap(name => [...read(name).matchAll(/^(?:Requires|After)=(.+)\.service$/gm)])
  for (const [, service = ''] of named) t.ok(existsSync(join(folder, `${service}.container`)), service)
  t.strictSame(
    containers.flatMap(name => /^Volume=.*$/m.exec(read(name)) ?? []),
    containers.map(() => 'Volume=homelab-data:/app/data'),
  )
})

/**
 * Which keys may stand where. [Container] has those that Quadlet of Podman 4.4 takes, the oldest that has it: it refuses any other, such
 * as VolumeName= of a .volume file (podman-systemd.unit(5), https://docs.podman.io/en/v4.4/markdown/podman-systemd.unit.5.html, and
 * supportedContainerKeys of pkg/systemd/quadlet/quadlet.go there). The other sections are systemd's: systemd.unit(5), systemd.service(5).
 */
const keys: Readonly<Record<string, string>> = {
  Container: `AddCapability AddDevice Annotation ContainerName DropCapability Environment EnvironmentFile EnvironmentHost Exec
    ExposeHostPort Group Image Label Network NoNewPrivileges Notify PodmanArgs PublishPort ReadOnly RemapGid RemapUid RemapUidSize
    RemapUsers RunInit SeccompProfile Timezone User VolatileTmp Volume`,
  Unit: `Description Documentation Wants Requires Requisite BindsTo PartOf Upholds Conflicts Before After OnFailure OnSuccess
    RequiresMountsFor StartLimitIntervalSec StartLimitBurst`,
  Service: `Type RemainAfterExit Restart RestartSec TimeoutStartSec TimeoutStopSec TimeoutSec SuccessExitStatus
    RestartPreventExitStatus RestartForceExitStatus Environment EnvironmentFile`,
  Install: 'WantedBy RequiredBy Alias Also',
}

/** Keys that no section of the list has, as SECTION.KEY. */
const unknownKeys = (text: string): readonly string[] =>
  [...text.matchAll(/^\[(\w+)\]\n([^[]*)/gm)].flatMap(([, section = '', lines = '']) =>
    [...lines.matchAll(/^(\w+)=/gm)]
      .map(([, key = '']) => key)
      .filter(key => !(keys[section] ?? '').split(/\s+/).includes(key))
      .map(key => `${section}.${key}`),
  )

t.test('each key is one that Podman 4.4 and systemd know; a misspelt one is found', async t => {
  for (const name of readdirSync(folder)) t.strictSame(unknownKeys(read(name)), [], name)
  const text = read('homelab-hub.container')
  t.strictSame(unknownKeys(text.replace('ReadOnly=', 'ReadOnlyRoot=')), ['Container.ReadOnlyRoot'])
  t.strictSame(unknownKeys(text.replace('After=', 'Afterwards=')), ['Unit.Afterwards'])
  t.strictSame(unknownKeys('[Volume]\nVolumeName=homelab-data\n'), ['Volume.VolumeName'])
})

/** Comes with Podman 4.4 and later. */
const generator = ['/usr/libexec/podman/quadlet', '/usr/lib/podman/quadlet'].find(file => existsSync(file))
const skip = generator === undefined && 'there is no Quadlet: it comes with Podman 4.4'

t.test("Podman's generator makes services of them", { skip }, async t => {
  const env = { ...process.env, QUADLET_UNIT_DIRS: folder }
  const { status, stdout } = spawnSync(generator ?? '', ['-dryrun'], { encoding: 'utf8', env })
  t.equal(status, 0)
  for (const service of ['homelab-hub', 'homelab-migrator']) t.match(stdout, `---${service}.service---`)
})
