/** What `npm pack` makes, used by projects of their own: it is type checked, then run, and the example hub is one of them. */
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import { readDocument } from './help/documents.ts'
import { readJson, root } from './help/program.ts'

/** `env -i` keeps the programs out of the coverage that tap counts, and out of its hooks. */
const run = (
  command: string,
  words: readonly string[],
  folder: string,
  settings: Readonly<Record<string, string>> = {},
) => {
  const { PATH = '', HOME = '', NODE_COMPILE_CACHE = '' } = process.env
  const all = Object.entries({ PATH: `${dirname(process.execPath)}:${PATH}`, HOME, NODE_COMPILE_CACHE, ...settings })
  const pairs = all.map(pair => pair.join('='))
  const child = spawnSync('/usr/bin/env', ['-i', ...pairs, command, ...words], { cwd: folder, encoding: 'utf8' })
  return { exitCode: child.status, output: child.stdout + child.stderr, stdout: child.stdout }
}

const outside = mkdtempSync(join(tmpdir(), 'packed-'))
t.teardown(() => rmSync(outside, { recursive: true }))
const packed = run('npm', ['pack', '--json', '--silent', `--pack-destination=${outside}`], root)
if (packed.exitCode !== 0) throw new Error(packed.output)
const tarball = join(outside, `homelab-migrator-${readJson(join(root, 'package.json')).version}.tgz`)

/** The packages that come with ours, and a hub's own: Sequelize 7 and, to be type checked, the types of Node. */
const installed = [
  ...Object.keys(Object(readJson(join(root, 'package.json')).dependencies)),
  '@sequelize/core',
  '@sequelize/sqlite3',
  '@types/node',
]

/**
 * A project outside of this one with the tarball unpacked where npm puts it, and links for the rest: `npm install` would
 * ask the registry, and a cache that has everything is not to be counted on.
 */
const makeConsumer = (files: Readonly<Record<string, string>>): string => {
  const folder = mkdtempSync(join(outside, 'consumer-'))
  const ours = join(folder, 'node_modules/homelab-migrator')
  mkdirSync(ours, { recursive: true })
  run('tar', ['-xzf', tarball, '--strip-components=1', '-C', ours], folder)
  for (const name of installed) {
    mkdirSync(dirname(join(folder, 'node_modules', name)), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name))
  }
  const strict = {
    strict: true,
    noEmit: true,
    module: 'nodenext',
    target: 'esnext',
    skipLibCheck: true,
    types: ['node'],
  }
  const all = {
    'package.json': JSON.stringify({ type: 'module' }),
    'tsconfig.json': JSON.stringify({ compilerOptions: strict }),
    ...files,
  }
  for (const [name, text] of Object.entries(all)) writeFileSync(join(folder, name), text)
  return folder
}

const program = (version: '' | '/v7') => `
import { openExisting } from 'homelab-migrator/database'
import { initModels, Metric, Server, type NewMetric } from 'homelab-migrator/models${version}'
import { connectSequelize } from 'homelab-migrator/sequelize${version}'

const connection = openExisting(process.argv[2] ?? '')
initModels(connectSequelize(connection))
const server: Server = await Server.create({ id: 'omv${version}', hostname: 'omv.lan' })
const metric: NewMetric = { server_id: server.id, timestamp: new Date(0), network_rx_bytes: '9223372036854775807' }
await Metric.create(metric)
const found = await Metric.findOne({ where: { server_id: server.id }, rejectOnEmpty: true })
const counter: number | string | null = found.network_rx_bytes
console.log(found.timestamp.toISOString(), counter)
// @ts-expect-error a hostname is no number
const wrong: number = server.hostname
// @ts-expect-error a server needs a hostname
const refused = () => Server.create({ id: 'x' })
connection.close()
`

const ready = `
import type { Migration, SchemaEditor } from 'homelab-migrator/migration'
import { openReady, type Failure, type Hub } from 'homelab-migrator/ready'

const up: Migration = async ({ context }) => context.rebuildTable('a', 'CREATE TABLE a (x)')
const noDown = (schema: SchemaEditor): Promise<void> => schema.dropTable('a')
const codeOf = (error: Failure): string => error.code
const hub: Hub = await openReady(process.argv[2] ?? '')
const [row] = await hub.sequelize.query('SELECT 1 AS one', { plain: false })
console.log(row, await openReady('/nowhere/x.db').catch(codeOf))
// @ts-expect-error a hub has no such thing
hub.open
void [up, noDown]
await hub.close()
`

const title =
  'the packed program makes a database: both models, a hub that opens what is ready, and a migration that "create" makes have their types'
t.test(title, async t => {
  const folder = makeConsumer({ 'six.ts': program(''), 'seven.ts': program('/v7'), 'ready.ts': ready })
  const database = join(folder, 'homelab.db')
  const settings = { DATABASE_URL: `sqlite:${database}` }
  const migrator = join(folder, 'node_modules/homelab-migrator/bin/migrator.js')
  t.match(run(process.execPath, [migrator], folder, settings), { exitCode: 0, output: /\d applied/ })
  t.match(run(process.execPath, [migrator, 'status'], folder, settings), { exitCode: 0, output: /0 pending, ready/ })
  const checkout = run(process.execPath, [join(root, 'bin/migrator.js')], folder, settings)
  t.match(checkout, { exitCode: 0, output: /nothing to do/ }, 'to a checkout they are the same migrations')

  const own = { ...settings, MIGRATOR_MIGRATIONS: join(folder, 'own') }
  t.match(run(process.execPath, [migrator, 'create', 'create-alerts'], folder, own), { exitCode: 0 })
  t.match(run(join(root, 'node_modules/.bin/tsc'), ['--project', folder], folder), { exitCode: 0, output: '' })
  for (const file of ['six.ts', 'seven.ts'])
    t.match(run(process.execPath, [file, database], folder), {
      exitCode: 0,
      stdout: '1970-01-01T00:00:00.000Z 9223372036854775807\n',
    })
  t.match(run(process.execPath, ['ready.ts', database], folder), { exitCode: 0, output: '[ { one: 1 } ] NOT_READY\n' })
})

t.test('the models of Sequelize 7 compile strictly, the declarations of every package checked', async t => {
  const text = `/// <reference types="homelab-migrator/sqlite3" />\n${program('/v7')}`
  const folder = makeConsumer({ 'seven.ts': text })
  const words = ['--project', folder, '--skipLibCheck', 'false']
  t.match(run(join(root, 'node_modules/.bin/tsc'), words, folder), { exitCode: 0, output: '' })
})

t.test('an installed program keeps its data in the working folder, and writes nothing among the packages', async t => {
  const folder = makeConsumer({})
  const migrator = (...words: string[]) =>
    run(process.execPath, [join(folder, 'node_modules/homelab-migrator/bin/migrator.js'), ...words], folder)
  t.match(migrator(), { exitCode: 10, output: `mkdir -p ${join(folder, 'data')}` })
  mkdirSync(join(folder, 'data'))
  t.match(migrator(), { exitCode: 0, output: /is at \d{4}-/ })
  t.ok(existsSync(join(folder, 'data/homelab.db')))
  t.match(run(join(folder, 'node_modules/homelab-migrator/healthcheck.sh'), [], folder), { exitCode: 0, output: '' })
  for (const command of ['create', 'diff'])
    t.match(migrator(command, 'create-alerts'), { exitCode: 2, output: /--migrations migrations/ }, command)
  t.match(migrator('--migrations', 'migrations', 'create', 'create-alerts'), { exitCode: 0 })
})

t.test('every file that the README and the documents lead to is in the package', async t => {
  const { stdout } = run('tar', ['-tzf', tarball], outside)
  const packed = stdout.split('\n').map(path => path.replace(/^package\//, ''))
  const documents = packed.filter(path => path.endsWith('.md') && !path.startsWith('examples/'))
  const links = documents.flatMap(path =>
    [...readDocument(path).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, link = '']) => join(dirname(path), link)),
  )
  t.ok(documents.includes('README.md') && documents.includes('docs/postgres.md'))
  t.strictSame(
    links.filter(link => !packed.some(path => path === link || path.startsWith(link.replace(/\/?$/, '/')))),
    [],
  )
})

const library = `
import { down, Failure, type LogEvent, plan, status, up, verify, type Options, type Status } from 'homelab-migrator'

const listeners = () => process.eventNames().map(name => [name, process.listenerCount(name)]).join()
const present = () => [listeners(), JSON.stringify(process.env), process.exitCode, process.title, process.cwd()]
const own = [process.exit, process.stdout.write, Date, Math.random, globalThis.setTimeout] as const
const before = present()

const dropped: unknown[] = []
const onEvent = (event: LogEvent): void => {
  if (event.event === 'migration.applied') console.log(event.name)
}
const options: Options = { databaseUrl: 'sqlite:hub.db', migrations: 'own', settings: { MIGRATOR_BACKUP: 'never' }, onEvent }
const [first, second, codes] = await Promise.all([
  up(options),
  up({ ...options, onEvent: undefined }),
  up({ databaseUrl: 'sqlite:/nowhere/x.db' }).catch((error: unknown) => error instanceof Failure && [error.code, error.exitCode]),
])
console.log(first.applied.length, second.applied.length, codes, (await plan(options)).pending.length)
const found: Status = await status(options)
console.log(found.ready, (await verify(options)).code, (await down(options)).undone.length)
// @ts-expect-error a setting has its own words
const words: Options = { databaseUrl: 'sqlite:hub.db', settings: { MIGRATOR_BACKUP: 'perhaps' } }
// @ts-expect-error a setting that is none
const names: Options = { databaseUrl: 'sqlite:hub.db', settings: { MIGRATOR_BACKUPS: 'auto' } }
// @ts-expect-error a database has to be named
void (() => up({}))
void [words, names]
const same = own.every((value, index) => value === [process.exit, process.stdout.write, Date, Math.random, globalThis.setTimeout][index])
console.log(same && present().join() === before.join() ? 'as it was' : 'changed')
console.log(await import('./own/_lib.js').catch((error: NodeJS.ErrnoException) => error.code))

process.on('unhandledRejection', reason => dropped.push(reason))
await up({ databaseUrl: 'sqlite:hub.db', migrations: 'dropping' })
console.log(String(dropped))
`

t.test('a program migrates a database itself: it is type checked, and its process is as it was before', async t => {
  const folder = makeConsumer({
    'library.ts': library,
    'required.cjs': "console.log(Object.keys(require('homelab-migrator')).sort().join())",
  })
  const write = (name: string, text: string) => {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  const table =
    "import { DataTypes } from 'sequelize'\nexport const up = ({ context }) => context.createTable('hosts', { name: DataTypes.TEXT })\n"
  const down = "export const down = ({ context }) => context.dropTable('hosts')\n"
  write('own/0001-create-hosts.js', table + down)
  write('own/_lib.js', "import 'sequelize-that-nobody-has'\n")
  write('own/_lib.d.ts', 'export {}\n')
  write('dropping/0001-create-hosts.js', `${table}Promise.reject(new Error('dropped'))\n`)
  const tsc = run(join(root, 'node_modules/.bin/tsc'), ['--project', folder, '--skipLibCheck', 'false'], folder)
  // others' declarations may be wrong, ours may not
  t.strictSame(
    tsc.output.split('\n').filter(line => !/^(?:\s|$)|node_modules\/(?!homelab-migrator\/)/.test(line)),
    [],
  )
  const lines = [
    '0001-create-hosts',
    "1 0 [ 'VOLUME_MISSING', 10 ] 0",
    'true null 1',
    'as it was',
    'ERR_MODULE_NOT_FOUND',
    'Error: dropped',
  ]
  t.match(run(process.execPath, ['library.ts'], folder), { exitCode: 0, output: `${lines.join('\n')}\n` })
  t.match(run(process.execPath, ['required.cjs'], folder), { stdout: 'Failure,down,plan,status,up,verify\n' })
})

t.test('an author in TypeScript goes from an empty folder to a verified database', async t => {
  const folder = makeConsumer({})
  const settings = {
    DATABASE_URL: 'sqlite:data/hub.db',
    MIGRATOR_MIGRATIONS: 'migrations',
    MIGRATOR_LOG_FORMAT: 'text',
  }
  mkdirSync(join(folder, 'data'))
  const migrator = (...words: string[]) =>
    run(process.execPath, [join(folder, 'node_modules/homelab-migrator/bin/migrator.js'), ...words], folder, settings)
  // the second and third time it reads again only what has changed
  const kept = ['--incremental', '--tsBuildInfoFile', join(folder, 'tsbuild')]
  const tsc = () => run(join(root, 'node_modules/.bin/tsc'), ['--project', folder, ...kept], folder)
  const made = migrator('create', 'create-alerts')
  const file = made.stdout.trim()
  t.match(file, /\/migrations\/0001-create-alerts\.ts$/)
  t.match(tsc(), { exitCode: 0, output: '' }, 'what is made has its types')
  t.match(migrator(), { exitCode: 40, output: /up is not written yet/ })
  const text = (type: string) => `import { DataTypes } from 'sequelize'
import type { Migration } from 'homelab-migrator/migration'

export const up: Migration = async ({ context: schema }) => {
  await schema.createTable('alerts', { id: { type: DataTypes.INTEGER, primaryKey: true }, text: DataTypes.${type} })
}

export const down: Migration = async ({ context: schema }) => {
  await schema.dropTable('alerts')
}
`
  writeFileSync(file, text('TEXTS'))
  t.match(tsc(), { exitCode: 1, output: /0001-create-alerts\.ts.*TEXTS/ }, 'a misspelt type is seen before it runs')
  writeFileSync(file, text('TEXT'))
  t.match(tsc(), { exitCode: 0, output: '' })
  t.match(migrator('lint'), { exitCode: 0, stdout: /0 errors, 0 warnings/ })
  t.match(migrator('plan'), { exitCode: 0, stdout: /\+ table +alerts +2 columns/ })
  t.match(migrator(), { exitCode: 0, output: /applied 0001-create-alerts/ })
  t.match(migrator('verify'), { exitCode: 0, stdout: /: sound\n/ })
  t.match(migrator(), { exitCode: 0, output: /nothing to do/ })
})

/** Certificates and proxies, as a registry may need them. */
const network = Object.fromEntries(
  Object.entries(process.env).flatMap(([name, value = '']) => (/cert|proxy/i.test(name) ? [[name, value]] : [])),
)
const noRegistry = run('npm', ['ping'], outside, network).exitCode !== 0 && 'the registry is not there'

t.test('the example hub, copied elsewhere, starts on what npm installs', { skip: noRegistry }, async t => {
  const folder = join(outside, 'hub')
  cpSync(join(root, 'examples/hub'), folder, { recursive: true })
  const words = ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error', tarball]
  t.match(run('npm', words, folder, network), { exitCode: 0 })
  const settings = { DATABASE_URL: `sqlite:${join(folder, 'homelab.db')}`, PORT: '0' }
  t.match(run(process.execPath, ['node_modules/.bin/homelab-migrator'], folder, settings), { exitCode: 0 })
  const pairs = Object.entries(settings).map(pair => pair.join('='))
  const child = spawn('/usr/bin/env', ['-i', ...pairs, process.execPath, 'hub.ts'], { cwd: folder })
  t.teardown(() => child.kill('SIGKILL'))
  const ended = new Promise(resolve => child.once('exit', resolve))
  const line = await new Promise(resolve => child.stdout.once('data', resolve))
  const port = /localhost:(\d+)/.exec(String(line))?.[1]
  const answer = await fetch(`http://127.0.0.1:${port}/healthz`)
  t.strictSame(await answer.json(), { status: 'ok', servers: 0 })
  t.match(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'No servers yet')
  child.kill('SIGTERM')
  t.equal(await ended, 0)
})

t.test('what is not exported cannot be imported', async t => {
  const folder = makeConsumer({ 'deep.js': "import 'homelab-migrator/dist/main.js'" })
  t.match(run(process.execPath, ['deep.js'], folder), { exitCode: 1, output: /ERR_PACKAGE_PATH_NOT_EXPORTED/ })
})
