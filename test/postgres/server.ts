import { join } from 'node:path'
import { inspect } from 'node:util'
import t from 'tap'
import { readConfig } from '../../src/config.ts'
import { readServerUrl } from '../../src/server.ts'
import { root } from '../help/program.ts'

const read = (environment: Readonly<Record<string, string>>) => readConfig({ environment, workingFolder: root, root })

t.test('a URL of a server is read, with the defaults of libpq', async t => {
  t.strictSame(readServerUrl('postgres://hub@db/homelab', undefined), {
    hosts: [{ host: 'db', port: 5432 }],
    database: 'homelab',
    user: 'hub',
    schema: 'public',
    sslMode: 'prefer',
    password: undefined,
    shown: 'postgres://db:5432/homelab',
  })
})

t.test('several hosts, sockets and addresses of version 6 are hosts', async t => {
  const { hosts, shown } = readServerUrl('postgresql://h@a:1,[::1]:2,%2Frun%2Fpostgresql,b/x', undefined)
  t.strictSame(hosts, [
    { host: 'a', port: 1 },
    { host: '::1', port: 2 },
    { host: '/run/postgresql', port: 5432 },
    { host: 'b', port: 5432 },
  ])
  t.equal(shown, 'postgres://a:1,[::1]:2,/run/postgresql:5432,b:5432/x')
})

t.test('what is escaped is read, and a password may hold an @ or a slash', async t => {
  const { user, password, database, schema } = readServerUrl(
    'postgres://h%40h:p%2Fa@b/c@db/x%20y?schema=hub',
    undefined,
  )
  t.strictSame([user, password, database, schema], ['h@h', 'p/a@b/c', 'x y', 'hub'])
})

t.test('a file has the password in place of the URL, without its line break', async t => {
  const file = join(t.testdir({ secret: 'p4ss word\r\n' }), 'secret')
  const { server } = await read({ DATABASE_URL: 'postgres://h:other@db/x', DATABASE_PASSWORD_FILE: file })
  t.equal(server?.password, 'p4ss word')
})

for (const [title, url] of [
  ['no user', 'postgres://db:s3cret/x'],
  ['no database', 'postgres://h:s3cret@db/'],
  ['no host', 'postgres://h:s3cret@/x'],
  ['a host that is none', 'postgres://h:s3cret@db:port/x'],
  ['a port that is none', 'postgres://h:s3cret@db:99999/x'],
  ['an escape that is none', 'postgres://h:s3cret%@db/x'],
  ['an unknown parameter', 'postgres://h:s3cret@db/x?options=s3cret'],
  ['an sslmode that is none', 'postgres://h:s3cret@db/x?sslmode=s3cret'],
  ['a schema of the server itself', 'postgres://h:s3cret@db/x?schema=pg_catalog'],
  ['another scheme', 'mysql://h:s3cret@db/x'],
] as const) {
  t.test(`a URL with ${title} is refused, and its secret is in no line`, async t => {
    const error = await read({ DATABASE_URL: url }).catch(error => error)
    t.match(error, { code: 'CONFIG_INVALID', message: /^DATABASE_URL/ })
    t.notMatch(inspect(error), /s3c/)
  })
}

for (const [name, value] of [
  ['MIGRATOR_REQUIRE_MOUNT', 'always'],
  ['MIGRATOR_READY_FILE', '/x/.ready'],
  ['MIGRATOR_BACKUP', 'never'],
  ['MIGRATOR_BACKUP_KEEP', '5'],
  ['MIGRATOR_CHECK', 'always'],
] as const) {
  t.test(`${name} is of files, and refused with a server`, async t => {
    await t.rejects(read({ DATABASE_URL: 'postgres://h@db/x', [name]: value }), {
      code: 'CONFIG_INVALID',
      message: new RegExp(name),
    })
  })
}

t.test('settings of files may be there with their defaults', async t => {
  await t.resolves(read({ DATABASE_URL: 'postgres://h@db/x', MIGRATOR_BACKUP: 'auto', MIGRATOR_BACKUP_KEEP: '3' }))
})

t.test('a password file that cannot be read is named', async t => {
  const settings = { DATABASE_URL: 'postgres://h@db/x', DATABASE_PASSWORD_FILE: '/nowhere/secret' }
  await t.rejects(read(settings), { code: 'CONFIG_INVALID', message: /\/nowhere\/secret/ })
})
