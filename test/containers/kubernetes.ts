import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { buildImages, buildNewer, call, dockerOk, type Ended, skip, uniqueName } from '../help/engine.ts'
import { root } from '../help/program.ts'

const run = (command: string, ...words: readonly string[]): Ended => {
  const { status, stdout, stderr } = spawnSync(command, words, { encoding: 'utf8', timeout: 120_000 })
  return { exitCode: status, stdout: stdout ?? '', stderr: stderr ?? '' }
}
const noKubectl = run('kubectl', 'version', '--client').exitCode !== 0 && 'there is no kubectl'
const noPodman = run('podman', 'info').exitCode !== 0 && 'there is no Podman'

const render = (variant: string): string => {
  const { exitCode, stdout, stderr } = run('kubectl', 'kustomize', join(root, 'examples/kubernetes', variant))
  if (exitCode !== 0) throw new Error(stderr)
  return stdout
}
const documentOf = (text: string, kind: string): string =>
  text.split(/^---\n/m).find(document => document.includes(`\nkind: ${kind}\n`)) ?? ''

t.test('the manifests are rendered', { skip: noKubectl }, async t => {
  for (const variant of ['init', 'sidecar', 'job', 'restore', 'postgres'] as const) {
    const text = render(variant)
    const kind = variant === 'job' || variant === 'restore' ? 'Job' : 'Deployment'
    const workload = documentOf(text, kind)
    const containers = workload.split(/^ +(?:containers|initContainers):\n/m).slice(1)
    t.equal(containers.length, kind === 'Job' ? 1 : 2)
    for (const container of containers) {
      t.match(container, /readOnlyRootFilesystem: true/, variant)
      t.match(container, /allowPrivilegeEscalation: false/, variant)
      t.match(container, /drop:\n +- ALL/, variant)
      t.match(container, /terminationMessagePolicy: FallbackToLogsOnError/, variant)
      t.match(container, /limits:\n +memory: /, variant)
    }
    t.match(workload, /runAsNonRoot: true[\s\S]*seccompProfile:\n +type: RuntimeDefault/, variant)
    if (variant === 'postgres') {
      t.match(workload, /replicas: 3\n/)
      t.match(workload, /maxUnavailable: 0\n +type: RollingUpdate/)
      t.equal(workload.match(/name: DATABASE_URL\n +valueFrom:\n +secretKeyRef:\n +key: uri/g)?.length, 2)
      t.notMatch(text, /volume/i)
      continue
    }
    t.match(workload, /fsGroup: 1000/, variant)
    if (kind === 'Deployment') {
      t.match(workload, /replicas: 1\n/, variant)
      t.match(workload, /strategy:\n +type: Recreate/, variant)
      t.match(documentOf(text, 'PersistentVolumeClaim'), /- ReadWriteOncePod/, variant)
    }
  }
  t.match(
    documentOf(render('sidecar'), 'Deployment'),
    /- --hold[\s\S]*restartPolicy: Always[\s\S]*startupProbe:\n +exec:/,
  )
  t.match(documentOf(render('restore'), 'Job'), /- restore\n +- --latest\n +- --yes[\s\S]*/)
})

/**
 * The Pod of the first variant, and its claim, as `podman kube play` takes them. Podman 4 gives a Deployment's restart
 * policy to init containers too, and would run them for ever; Kubernetes gives those OnFailure.
 */
const makePod = (t: Pick<Test, 'teardown'>, hub: string) => {
  const name = uniqueName()
  const port = randomInt(20_000, 30_000)
  const folder = mkdtempSync(join(tmpdir(), 'kube-'))
  const file = join(folder, 'pod.yaml')
  t.teardown(() => [
    run('podman', 'pod', 'rm', '--force', name),
    run('podman', 'volume', 'rm', '--force', name),
    rmSync(folder, { recursive: true }),
  ])
  const play = (migrator: string, policy: 'OnFailure' | 'Never' = 'OnFailure'): Ended => {
    const text = render('init')
    const template = documentOf(text, 'Deployment').split(/^ {2}template:\n/m)[1] ?? ''
    const pod = template
      .replace(/^ {4}/gm, '')
      .replace(/^metadata:\n/m, `metadata:\n  name: ${name}\n`)
      .replace(/^spec:\n/m, `spec:\n  restartPolicy: ${policy}\n`)
      .replace('homelab-migrator:latest', `localhost/${migrator}:latest`)
      .replace('homelab-hub:latest', `localhost/${hub}:latest`)
      .replace('containerPort: 8080', `containerPort: 8080\n      hostPort: ${port}`)
    // Podman 4 refuses a claim whose volume is there already
    const claim =
      run('podman', 'volume', 'exists', name).exitCode === 0 ? '' : documentOf(text, 'PersistentVolumeClaim')
    const documents = `${claim}---\napiVersion: v1\nkind: Pod\n${pod}`
    writeFileSync(file, documents.replaceAll('homelab-data', name))
    return run('podman', 'kube', 'play', file)
  }
  const down = () => run('podman', 'pod', 'rm', '--force', name)
  const state = (container: string) =>
    run('podman', 'inspect', '--format={{.State.Status}} {{.State.ExitCode}}', `${name}-${container}`).stdout.trim()
  return { play, down, state, name, address: `http://127.0.0.1:${port}` }
}

const load = (t: Pick<Test, 'teardown'>, image: string): void => {
  const file = join(tmpdir(), `${image}.tar`)
  dockerOk('save', '--output', file, image)
  t.teardown(() => run('podman', 'rmi', '--force', `localhost/${image}`))
  const { exitCode, stderr } = run('podman', 'load', '--input', file)
  rmSync(file)
  if (exitCode !== 0) throw new Error(stderr)
}

t.test('the Pod of examples/kubernetes/init, played by Podman', { skip: noKubectl || noPodman || skip }, async t => {
  const { migrator, hub } = buildImages(t)
  const failing = buildNewer(t, migrator, `export const up = async () => { throw new Error('out of luck') }`)
  for (const image of [migrator, hub, failing]) load(t, image)

  t.test('the hub starts after the migrator, and data survives another play', async t => {
    const { play, down, address } = makePod(t, hub)
    t.match(play(migrator), { exitCode: 0 })
    t.match(await call(address, 'GET', '/healthz'), { status: 'ok', servers: 0 })
    await call(address, 'PUT', '/servers/omv', { hostname: 'omv.lan' })
    down()
    t.match(play(migrator), { exitCode: 0 })
    t.match(await call(address, 'GET', '/servers'), [{ id: 'omv', hostname: 'omv.lan' }])
  })

  t.test('a migrator that fails keeps the hub from starting', async t => {
    const { play, state } = makePod(t, hub)
    const { exitCode, stdout, stderr } = play(failing, 'Never')
    t.not(exitCode, 0)
    t.match(stdout + stderr, /40/)
    t.match(state('hub'), /^(?:created|configured) 0$/)
  })
})
