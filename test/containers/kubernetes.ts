import { execFile, spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { buildImages, buildNewer, call, dockerOk, type Ended, skip, uniqueName } from '../help/engine.ts'
import { debian, freePort, startServerOf, whyNot } from '../help/postgres.ts'
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

const noPlay = noKubectl || noPodman || skip || whyNot(debian)

t.test('three Pods of examples/kubernetes/postgres, played at once by Podman', { skip: noPlay }, async t => {
  const { migrator, hub } = buildImages(t)
  const newer = buildNewer(
    t,
    migrator,
    "export const up = ({ context }) => context.addColumn('servers', 'room', 'TEXT')",
  )
  for (const image of [migrator, hub, newer]) load(t, image)
  const server = await startServerOf(debian)
  t.teardown(() => server.stop())
  const url = await server.makeDatabase()
  await server.requirePassword('hub')
  await server.run(url, 'GRANT CREATE ON SCHEMA public TO hub')
  const [name, folder] = [uniqueName(), mkdtempSync(join(tmpdir(), 'kube-'))]
  // as Podman 4 keeps the values of a Secret
  const secret = join(folder, 'secret.json')
  writeFileSync(secret, JSON.stringify({ uri: btoa(url.replace('postgres@', 'hub:right@')) }))
  const ports = await Promise.all([freePort(), freePort(), freePort()])
  t.teardown(() => [run('podman', 'secret', 'rm', name), rmSync(folder, { recursive: true })])
  t.match(run('podman', 'secret', 'create', name, secret), { exitCode: 0 })
  const template = documentOf(render('postgres'), 'Deployment').split(/^ {2}template:\n/m)[1] ?? ''
  /** @returns what the migrator of each Pod logged */
  const playAll = async (image: string): Promise<readonly string[]> => {
    const pods = ports.map(port => ({ port, pod: `${name}-${port}` }))
    t.teardown(() => run('podman', 'pod', 'rm', '--force', ...pods.map(({ pod }) => pod)))
    await Promise.all(
      pods.map(({ port, pod }) => {
        // on the host's network, where the server is, each hub needs a port of its own
        const text = template
          .replace(/^ {4}/gm, '')
          // else Podman takes the migrator away with its log
          .replace(
            /^metadata:\n/m,
            `metadata:\n  name: ${pod}\n  annotations:\n    io.podman.annotations.init.container.type: always\n`,
          )
          .replace(/^spec:\n/m, 'spec:\n  hostNetwork: true\n  restartPolicy: OnFailure\n')
          .replace('containers:\n  - env:\n', `$&    - name: PORT\n      value: "${port}"\n`)
          .replace(/^ +ports:\n +- containerPort: 8080\n +name: http\n/m, '')
          .replaceAll('name: homelab-database', `name: ${name}`)
          .replace('homelab-migrator:latest', `localhost/${image}:latest`)
          .replace('homelab-hub:latest', `localhost/${hub}:latest`)
        const file = join(folder, `${pod}.yaml`)
        writeFileSync(file, `apiVersion: v1\nkind: Pod\n${text}`)
        return promisify(execFile)('podman', ['kube', 'play', '--replace', file], { timeout: 120_000 })
      }),
    )
    return pods.map(({ pod }) => {
      const { stdout, stderr } = run('podman', 'logs', `${pod}-migrator`)
      return stdout + stderr
    })
  }
  const applies = (log: string): boolean => /"event":"migration\.applied"/.test(log)
  const first = await playAll(migrator)
  t.equal(first.filter(log => log.includes('0003-add-os-info')).length, 3)
  t.equal(first.filter(applies).length, 1)
  await call(`http://127.0.0.1:${ports[0]}`, 'PUT', '/servers/omv', { hostname: 'omv.lan' })
  for (const port of ports)
    t.match(await call(`http://127.0.0.1:${port}`, 'GET', '/servers'), [{ id: 'omv', hostname: 'omv.lan' }])
  const next = await playAll(newer)
  t.equal(next.filter(applies).length, 1)
  t.match(await call(`http://127.0.0.1:${ports[2]}`, 'GET', '/healthz'), { status: 'ok' })
})
