/**
 * The manifests as they are written, held against the types of Kubernetes' own OpenAPI definitions: kubernetes-types. A literal with a key
 * that its type does not have is an error of TypeScript. test/containers/kubernetes.ts has them rendered and plays them.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { linesOf, readBlocks } from '../help/documents.ts'
import { root } from '../help/program.ts'

const folder = join(root, 'examples/kubernetes')
const variants = readdirSync(folder)
const read = (variant: string, file: string) =>
  parse(readFileSync(join(folder, variant, file), 'utf8'), { merge: true }) as Manifest

type Manifest = Readonly<{
  apiVersion: string
  kind: string
  metadata: Readonly<{ name: string; labels?: Readonly<Record<string, string>> }>
}>
type Kustomization = Readonly<{ resources: readonly string[]; patches?: readonly Readonly<{ path: string }>[] }>
const kustomizationOf = (variant: string) => read(variant, 'kustomization.yaml') as unknown as Kustomization

const own = (files: readonly string[]) => files.filter(file => file.endsWith('.yaml'))
const resources = variants.flatMap(variant =>
  own(kustomizationOf(variant).resources).map(file => [`${variant}/${file}`, read(variant, file)] as const),
)
const patches = variants.flatMap(variant =>
  (kustomizationOf(variant).patches ?? []).map(({ path }) => [`${variant}/${path}`, read(variant, path)] as const),
)

/** A patch may leave out what its resource must have. */
const patchType = `type Patch<T> = T extends readonly (infer E)[] ? Patch<E>[] : T extends object ? { [K in keyof T]?: Patch<T[K]> } : T\n`

const toSource = (manifests: readonly Manifest[], isPatch: boolean): string =>
  manifests
    .map(({ apiVersion, kind }, index) => {
      const from = apiVersion.includes('/') ? apiVersion : `core/${apiVersion}`
      const type = isPatch ? `Patch<T${index}>` : `T${index}`
      const value = JSON.stringify(manifests[index], null, 1)
      return `import type { ${kind} as T${index} } from 'kubernetes-types/${from}'\nexport const m${index}: ${type} = ${value}\n`
    })
    .join('')

/** What TypeScript finds: by file, the keys that are not known. */
const check = (folder: string, files: Readonly<Record<string, string>>): readonly string[] => {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'esnext', '--moduleResolution', 'bundler']
  const words = [
    '-i',
    process.execPath,
    join(root, 'node_modules/typescript/bin/tsc'),
    ...options,
    '--ignoreConfig',
    ...Object.keys(files),
  ]
  // env -i keeps it out of the hooks that tap gives to children
  const { stdout, stderr } = spawnSync('/usr/bin/env', words, { cwd: folder, encoding: 'utf8' })
  return `${stdout}${stderr}`.split('\n').filter(line => /^\S/.test(line))
}

t.test('each key is one that Kubernetes knows, with a value that it takes; a misspelt one is found', async t => {
  const text = JSON.stringify(resources.map(([, manifest]) => manifest))
  const patchText = JSON.stringify(patches.map(([, manifest]) => manifest))
  const misspelt = [
    'readinessProbe',
    'fsGroupChangePolicy',
    'accessModes',
    'restartPolicy',
    'backoffLimit',
    'targetPort',
  ]
  const wrong = misspelt.map(key => JSON.parse(text.replace(`"${key}"`, `"${key}x"`)) as Manifest[])
  const found = check(t.testdir(), {
    'resources.ts': toSource(
      resources.map(([, manifest]) => manifest),
      false,
    ),
    'patches.ts':
      patchType +
      toSource(
        patches.map(([, manifest]) => manifest),
        true,
      ),
    'startupProbe.ts': patchType + toSource(JSON.parse(patchText.replace('"startupProbe"', '"startupProbex"')), true),
    ...Object.fromEntries(wrong.map((manifests, index) => [`${misspelt[index]}.ts`, toSource(manifests, false)])),
  })
  t.strictSame(
    found.filter(line => !line.includes('error TS')),
    [],
  )
  t.strictSame(
    found.filter(line => /^(?:resources|patches)\.ts/.test(line)),
    [],
  )
  for (const key of [...misspelt, 'startupProbe'])
    t.ok(
      found.some(line => line.startsWith(`${key}.ts`) && line.includes(`${key}x`)),
      key,
    )
})

/** https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/ */
const ofKustomization = [
  ...['apiVersion', 'kind', 'metadata', 'resources', 'components', 'crds', 'patches', 'replacements', 'images'],
  ...['replicas', 'labels', 'commonAnnotations', 'namePrefix', 'nameSuffix', 'namespace', 'configMapGenerator'],
  ...['secretGenerator', 'generatorOptions', 'openapi', 'transformers', 'generators', 'validators', 'helmCharts'],
  ...['sortOptions', 'buildMetadata'],
]

t.test('each kustomization has keys of Kustomize, and what it names is there', async t => {
  for (const variant of variants) {
    const kustomization = kustomizationOf(variant)
    t.strictSame(
      Object.keys(kustomization).filter(key => !ofKustomization.includes(key)),
      [],
      variant,
    )
    const named = [...kustomization.resources, ...(kustomization.patches ?? []).map(({ path }) => path)]
    for (const file of named) t.ok(existsSync(join(folder, variant, file)), `${variant}: ${file}`)
    const unnamed = readdirSync(join(folder, variant)).filter(file => !named.includes(file))
    t.strictSame(unnamed, ['kustomization.yaml'], variant)
  }
})

t.test('everything has the recommended labels, and its pods too', async t => {
  const label = 'app.kubernetes.io'
  for (const [file, { metadata, ...rest }] of resources) {
    t.match(metadata.labels, {
      [`${label}/name`]: metadata.name,
      [`${label}/component`]: /./,
      [`${label}/part-of`]: 'homelab',
    })
    const { spec } = rest as { spec?: { template?: Manifest; selector?: Record<string, unknown> } }
    if (spec?.template) t.strictSame(spec.template.metadata.labels, metadata.labels, file)
    if (spec?.selector) t.match(JSON.stringify(spec.selector), `"${label}/name":"homelab-hub"`, file)
  }
})

t.test('the hub has a liveness probe that waits longer than a statement may', async t => {
  const [, hub] = resources.find(([file]) => file === 'init/hub.yaml') ?? []
  const [container] = (hub as unknown as { spec: { template: { spec: { containers: Record<string, unknown>[] } } } })
    .spec.template.spec.containers
  t.match(container, { livenessProbe: { httpGet: { path: '/healthz' }, periodSeconds: 30, failureThreshold: 5 } })
})

t.test('the steps of a restore wait: for the pod to go, for the Job to end, for the hub to be back', async t => {
  const block = readBlocks('docs/kubernetes.md').find(({ text }) => text.includes('kubernetes/restore'))
  const lines = block === undefined ? [] : linesOf(block)
  const place = (text: string) => lines.findIndex(line => line.includes(text))
  const order = [
    '--replicas=0',
    'wait --for=delete pod --selector=app.kubernetes.io/name=homelab-hub',
    'delete --ignore-not-found job/homelab-migrator-restore',
    'apply -k examples/kubernetes/restore',
    'wait --for=condition=complete job/homelab-migrator-restore',
    '--replicas=1',
    'rollout status deploy/homelab-hub',
  ]
  t.strictSame(order.map(place), [...order.keys()])
})
