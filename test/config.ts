import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type Environment, readConfig, settingNames, toLogFormat } from '../src/config.ts'
import { asOther, notRoot } from './help/user.ts'

const read = (environment: Environment, workingFolder = '/work', root = '/app') =>
  readConfig({ environment, workingFolder, root })

t.test('with nothing set, everything is beside the program', async t => {
  t.strictSame(await read({}), {
    database: '/app/data/homelab.db',
    server: undefined,
    passwordFile: undefined,
    rootCertificate: undefined,
    statementLockTimeout: 5,
    volume: '/app/data',
    migrations: '/app/migrations',
    requireMount: 'auto',
    metricsFile: undefined,
    readyFile: '/app/data/.ready',
    lockTimeout: 60,
    backup: 'auto',
    backupKeep: 3,
    check: 'auto',
    logFormat: 'text',
    command: 'migrator',
    logLevel: 'info',
  })
})

t.test('the log is text, also for the word of older versions, unless the setting says json', async t => {
  for (const format of ['', 'text', 'auto'])
    t.match(await read({ MIGRATOR_LOG_FORMAT: format }), { logFormat: 'text' }, format)
  t.match(await read({ MIGRATOR_LOG_FORMAT: 'json' }), { logFormat: 'json' })
})

t.test('hints name the program as npm was asked to run it, unless MIGRATOR_COMMAND says how', async t => {
  const commands = [
    ['node bin/migrator.js status', 'npx migrator'],
    ['migrator', 'npx migrator'],
    ['"homelab-migrator" "status"', 'npx homelab-migrator'],
    ['migrator-of-others', 'migrator'],
    ['tap', 'migrator'],
  ]
  for (const [script = '', command] of commands)
    t.match(await read({ npm_lifecycle_script: script }), { command }, script)
  t.match(await read({ npm_lifecycle_script: 'migrator', MIGRATOR_COMMAND: 'mine' }), { command: 'mine' })
})

t.test('an unknown format means text until it is refused', async t => {
  t.equal(toLogFormat('xml'), 'text')
})

t.test('a database URL names a file', async t => {
  for (const [url, database] of [
    ['sqlite:data/x.db', '/work/data/x.db'],
    ['sqlite:/data/x.db', '/data/x.db'],
    ['sqlite:///data/x.db', '/data/x.db'],
    ['sqlite:////data/x.db', '/data/x.db'],
    ['sqlite:/data/with space.db', '/data/with space.db'],
  ] as const) {
    t.match(await read({ DATABASE_URL: url }), { database }, url)
  }
})

t.test('the volume and the marker follow the database', async t => {
  const config = await read({ DATABASE_URL: 'sqlite:/vol/sub/x.db' })
  t.match(config, { volume: '/vol/sub', readyFile: '/vol/sub/.ready' })
})

t.test('relative paths start in the working folder', async t => {
  const config = await read({ MIGRATOR_MIGRATIONS: 'mine', MIGRATOR_READY_FILE: '../ready' })
  t.match(config, { migrations: '/work/mine', readyFile: '/ready' })
})

t.test('an empty value counts as not set', async t => {
  t.match(await read({ DATABASE_URL: '', MIGRATOR_LOG_LEVEL: '' }), {
    database: '/app/data/homelab.db',
    logLevel: 'info',
  })
})

for (const [name, value] of [
  ['DATABASE_URL', 'postgres://x/y'],
  ['DATABASE_URL', '/data/x.db'],
  ['DATABASE_URL', 'sqlite:'],
  ['DATABASE_URL', 'sqlite::memory:'],
  ['DATABASE_URL', 'sqlite://host/x.db'],
  ['DATABASE_URL', 'sqlite:/data/'],
  ['DATABASE_URL', 'sqlite:/data/x.db?mode=ro'],
  ['MIGRATOR_REQUIRE_MOUNT', 'yes'],
  ['MIGRATOR_LOCK_TIMEOUT', '-1'],
  ['MIGRATOR_LOCK_TIMEOUT', '1.5'],
  ['MIGRATOR_LOCK_TIMEOUT', '60s'],
  ['MIGRATOR_LOCK_TIMEOUT', '86401'],
  ['MIGRATOR_BACKUP', 'always'],
  ['MIGRATOR_BACKUP_KEEP', '0'],
  ['MIGRATOR_CHECK', 'Auto'],
  ['MIGRATOR_LOG_FORMAT', 'xml'],
  ['MIGRATOR_LOG_LEVEL', 'verbose'],
] as const) {
  t.test(`${name}=${value} is refused`, async t => {
    await t.rejects(read({ [name]: value }), { code: 'CONFIG_INVALID', message: new RegExp(name) })
  })
}

t.test('a MIGRATOR_ name that does not exist is refused, with the names that do', async t => {
  await t.rejects(read({ MIGRATOR_BACKUPS: 'auto' }), {
    code: 'CONFIG_INVALID',
    hint: new RegExp(settingNames.join(', ')),
  })
})

t.test('a misspelt one is told what it was most likely meant to be, where that can be guessed', async t => {
  const refused = (name: string) => read({ [name]: 'auto' }).catch(error => error.message)
  t.match(await refused('MIGRATOR_CHEKC'), '(Did you mean MIGRATOR_CHECK?)')
  t.notMatch(await refused('MIGRATOR_DATABASE_PATH'), 'Did you mean')
})

t.test('.env is read, and the environment wins over it', async t => {
  const folder = t.testdir({ '.env': 'MIGRATOR_LOCK_TIMEOUT=5\nMIGRATOR_BACKUP_KEEP=7\n' })
  t.match(await read({ MIGRATOR_BACKUP_KEEP: '9' }, folder), { lockTimeout: 5, backupKeep: 9 })
})

t.test('a misspelt name in .env is refused too', async t => {
  const folder = t.testdir({ '.env': 'MIGRATOR_LOCK_TIME=5\n' })
  await t.rejects(read({}, folder), { code: 'CONFIG_INVALID' })
})

t.test('an .env that this user may not read is refused', { skip: notRoot }, async t => {
  const folder = t.testdir({ '.env': 'MIGRATOR_BACKUP_KEEP=7' })
  chmodSync(join(folder, '.env'), 0o600)
  await asOther(() => t.rejects(read({}, folder), { code: 'CONFIG_INVALID', message: /\.env cannot be read/ }))
})

t.test('an installed package is no place for data: the working folder is', async t => {
  const installed = { environment: {}, workingFolder: '/srv/hub', root: '/srv/hub/node_modules/homelab-migrator' }
  t.match(await readConfig(installed), { database: '/srv/hub/data/homelab.db' })
})

t.test('an .env that cannot be read is refused', async t => {
  const folder = t.testdir()
  mkdirSync(join(folder, '.env'))
  await t.rejects(read({}, folder), { code: 'CONFIG_INVALID' })
})

t.test("a service of Kubernetes that is called migrator is no setting of the program's", async t => {
  const service = {
    MIGRATOR_SERVICE_HOST: '10.43.0.7',
    MIGRATOR_SERVICE_PORT: '80',
    MIGRATOR_SERVICE_PORT_HTTP: '80',
    MIGRATOR_PORT: 'tcp://10.43.0.7:80',
    MIGRATOR_PORT_80_TCP: 'tcp://10.43.0.7:80',
    MIGRATOR_PORT_80_TCP_PROTO: 'tcp',
    MIGRATOR_PORT_80_TCP_PORT: '80',
    MIGRATOR_PORT_80_TCP_ADDR: '10.43.0.7',
    MIGRATOR_METRICS_SERVICE_HOST: '10.43.0.8',
    MIGRATOR_METRICS_PORT_9090_UDP_ADDR: '10.43.0.8',
  }
  t.strictSame(await read(service), await read({}))
  for (const name of ['MIGRATOR_HOST', 'MIGRATOR_SERVICE', 'MIGRATOR_PORTS', 'MIGRATOR_PORT_TCP'])
    await t.rejects(read({ [name]: 'x' }), { code: 'CONFIG_INVALID' }, name)
})

t.test('a password in a URL is never told, wherever it is in it', async t => {
  for (const url of [
    'postgres://hub:s3cret@db.lan',
    'mysql://hub:a/s3cret#x@db.lan',
    'sqlite:/data/x.db?key=s3cret',
    'sqlite:hub:s3cret@x/',
    'hub:s3cret',
    'host=db password=s3cret',
  ]) {
    const error = await read({ DATABASE_URL: url }).catch(error => error)
    t.match(error, { code: 'CONFIG_INVALID' }, url)
    t.notMatch(`${error.message} ${error.hint}`, /s3cret/)
  }
  await t.rejects(read({ DATABASE_URL: 'sqlite:data/' }), { message: /DATABASE_URL=sqlite:data\/ is not valid/ })
})

t.test('a path without sqlite: is told with the line that is meant; what may be a secret is not shown', async t => {
  const refusal = (url: string) => read({ DATABASE_URL: url }).catch(error => error)
  for (const path of ['/app/x.db', 'x.db', './data/x', '../x.db'])
    t.match(await refusal(path), { hint: `Put sqlite: before the path: DATABASE_URL=sqlite:${path}` })
  for (const text of ['hunter2', 'a:b@c/d', 'mysql://a:b@c/d', '/app/data/'])
    t.match(await refusal(text), { message: /\.\.\. is not valid/, hint: /^Write sqlite: and/ })
})

t.test('an .env in UTF-16 or with a byte order mark is read, and a pipe in its place is refused', async t => {
  const text = 'MIGRATOR_CHECK=never\r\nDATABASE_URL=sqlite:dätabase.db\r\n'
  const little = Buffer.from(`\uFEFF${text}`, 'utf16le')
  const folder = t.testdir()
  for (const bytes of [little, Buffer.from(little).swap16(), Buffer.from(`\uFEFF${text}`)]) {
    writeFileSync(join(folder, '.env'), bytes)
    t.match(await read({}, folder), { check: 'never', database: join(folder, 'dätabase.db') })
  }
  rmSync(join(folder, '.env'))
  execFileSync('mkfifo', [join(folder, '.env')])
  await t.rejects(read({}, folder), { code: 'CONFIG_INVALID', message: /\.env is not a regular file/ })
})

t.test('blanks and line breaks around a value are not part of it', async t => {
  const config = await read({
    DATABASE_URL: 'sqlite:/data/x.db\r\n',
    MIGRATOR_CHECK: ' never ',
    MIGRATOR_READY_FILE: '\t',
  })
  t.match(config, { database: '/data/x.db', check: 'never', readyFile: '/data/.ready' })
})
