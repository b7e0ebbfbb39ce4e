/** The short way to a server, without the driver: it answers as the driver does, or leaves it all to the driver. */
import { createHmac, pbkdf2Sync } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { attemptAsync } from '../../src/failure.ts'
import { connect } from '../../src/postgres/connect.ts'
import { glanceAtHistory } from '../../src/postgres/glance.ts'
import { readHistory } from '../../src/postgres/history.ts'
import { decode, encode, type Message } from '../../src/postgres/wire/messages.ts'
import { readServerUrl } from '../../src/server.ts'
import { makeCertificate, noOpenssl } from '../help/certificate.ts'
import { makeFolder, runUp } from '../help/on-server.ts'
import { skip, startServer } from '../help/postgres.ts'
import { startProxy, startTls } from '../help/proxy.ts'

const int16 = (number: number): Buffer => {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(number)
  return bytes
}
const int32 = (number: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(number)
  return bytes
}

/** What a server sends, by hand. */
const say = {
  login: (step: number, data = '') => encode('R', int32(step), data),
  columns: (columns: readonly (readonly [name: string, type: number])[]) =>
    encode(
      'T',
      ...[int16(columns.length)],
      ...columns.flatMap(([name, type]) => [`${name}\0`, Buffer.alloc(6), int32(type), Buffer.alloc(8)]),
    ),
  row: (values: readonly (string | null)[]) =>
    encode(
      'D',
      int16(values.length),
      ...values.flatMap(value => (value === null ? [int32(-1)] : [int32(Buffer.byteLength(value)), value])),
    ),
  error: (state: string, text: string) => encode('E', `SFATAL\0C${state}\0M${text}\0\0`),
  done: encode('C', 'SELECT 1\0'),
  ready: encode('Z', 'I'),
  notice: encode('N', 'SWARNING\0Mcollation version mismatch\0\0'),
}

const word = fc.string({ unit: 'grapheme', maxLength: 12 }).filter(text => !text.includes('\0'))
const sent = fc.oneof(
  fc
    .tuple(fc.constantFrom(0, 3, 5, 10, 11, 12), word)
    .map(([step, data]): [Buffer, Message] => [say.login(step, data), { is: 'login', step, data: Buffer.from(data) }]),
  fc
    .array(fc.record({ name: word, type: fc.nat(5000) }))
    .map((columns): [Buffer, Message] => [
      say.columns(columns.map(({ name, type }) => [name, type])),
      { is: 'columns', columns },
    ]),
  fc.array(fc.option(word)).map((values): [Buffer, Message] => [say.row(values), { is: 'row', values }]),
  fc
    .tuple(word, word)
    .map(([state, text]): [Buffer, Message] => [say.error(state, text), { is: 'error', state, text }]),
  fc.constantFrom<[Buffer, Message | undefined]>(
    [say.done, { is: 'done' }],
    [say.ready, { is: 'ready' }],
    [say.notice, undefined],
  ),
)

/** The messages of bytes that come in pieces; undefined where one of them is not expected. */
const decodePieces = (pieces: readonly Buffer[]): readonly Message[] | undefined => {
  const messages: Message[] = []
  let rest = Buffer.alloc(0)
  for (const piece of pieces) {
    const decoded = decode(Buffer.concat([rest, piece]))
    if (decoded === undefined) return undefined
    messages.push(...decoded.messages)
    rest = Buffer.from(decoded.rest)
  }
  return messages
}

t.test('messages are the same however the network cuts them', async () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 })
  fc.assert(
    fc.property(fc.array(sent), cuts, (all, sizes) => {
      const bytes = Buffer.concat(all.map(([part]) => part))
      const pieces: Buffer[] = []
      for (let at = 0; at < bytes.length; at += pieces.at(-1)?.length ?? 1)
        pieces.push(bytes.subarray(at, at + (sizes[pieces.length % sizes.length] ?? 1)))
      const expected = all.flatMap(([, message]) => (message === undefined ? [] : [message]))
      return JSON.stringify(decodePieces(pieces)) === JSON.stringify(expected)
    }),
    { seed: 1 },
  )
})

t.test('what no server sends is given up, at the latest at its length, and never throws', async t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.constantFrom(...'RETDCZKN12SvnI?'), (bytes, letter) => {
      decode(Buffer.from(bytes))
      decode(encode(letter, Buffer.from(bytes)))
      return decode(Buffer.concat([Buffer.from('!'), int32(4 + bytes.length), bytes])) === undefined
    }),
    { seed: 1 },
  )
  for (const broken of [
    Buffer.from('HTTP/1.1 400 Bad Request\r\n'),
    Buffer.concat([Buffer.from('D'), int32(2 ** 30)]),
    Buffer.concat([Buffer.from('D'), int32(3)]),
    encode('D', int16(1), int32(5), 'four'),
    encode('D', int16(1), int32(-2)),
    encode('D', int16(0), 'more'),
    encode('T', int16(1), 'no end'),
    encode('T', int16(0), 'more'),
    // in binary
    encode('T', int16(1), 'a\0', Buffer.alloc(16), int16(1)),
    encode('E', 'Cno end'),
    // without a code or a text
    encode('E', 'Mtext\0\0'),
    encode('E', 'C42501\0\0'),
    encode('R', '1'),
    // in a transaction
    encode('Z', 'T'),
  ])
    t.equal(decode(broken), undefined, JSON.stringify(broken.toString('latin1')))
})

if (skip) {
  t.pass(skip, { skip })
  process.exit()
}
t.jobs = 1
const server = await startServer()
t.teardown(() => server.stop())

const make = 'await query("CREATE TABLE a (x integer)")'
const glance = (url: string) => glanceAtHistory(readServerUrl(url, undefined))
const byDriver = async (url: string) => {
  const connection = await connect(readServerUrl(url, undefined), 'write', undefined)
  const outcome = await attemptAsync(() => readHistory(connection))
  await connection.close()
  return outcome
}

/** A database with one migration, and its URL through a proxy that counts how many log in. */
const watched = async (t: Test, cutAt: Parameters<typeof startProxy>[1] = () => undefined) => {
  const url = await server.makeDatabase()
  const folder = makeFolder(t, make)
  t.match(await runUp(url, folder), { error: undefined })
  const seen: Buffer[] = []
  const proxy = await startProxy(server.port, bytes => {
    seen.push(bytes)
    return cutAt(bytes)
  })
  t.teardown(proxy.stop)
  const logins = () => seen.filter(bytes => bytes.includes('user\0')).length
  return { direct: url, url: url.replace(`:${server.port}/`, `:${proxy.port}/`), folder, logins }
}

for (const method of ['trust', 'scram-sha-256', 'md5', 'password'] as const)
  t.test(`where the server wants ${method} it reads what the driver reads`, async t => {
    const { url, folder, logins } = await watched(t)
    const user = `by_${method.replaceAll('-', '_')}`
    if (method === 'trust') await server.run(url, `CREATE ROLE ${user} LOGIN`)
    else await server.requirePassword(user, method)
    await server.run(url, `ALTER ROLE ${user} SUPERUSER`)
    const as = url.replace('postgres@', `${user}:right@`)
    t.match(await glance(as), [{ name: '0001-a', migrator: '1.0.0' }])
    t.strictSame(await glance(as), Object(await byDriver(as)).value)
    const before = logins()
    t.match(await runUp(as, folder), { error: undefined, events: [{ event: 'up.nothing', schema: '0001-a' }] })
    t.equal(logins(), before + 1, 'a run with nothing to do logs in once')
    if (method === 'trust') return
    const { error, events } = await runUp(as.replace(':right@', ':wrong@'), folder)
    t.match(error, { code: 'PRIVILEGE_MISSING', message: /password authentication failed/ })
    t.strictSame(events, [])
    t.equal(logins(), before + 2, 'a wrong password is tried once')
    const nowhere = await runUp(as.replace(/\/test_\w+/, '/nowhere'), folder)
    t.match(nowhere.error, { code: 'NO_SUCH_DATABASE' })
    t.equal(logins(), before + 3, 'and so is a database that is not there')
    // the driver would look for another one
    t.equal(await glance(as.replace(':right@', '@')), undefined)
  })

for (const [title, at] of [
  ['at the login', 'user\0'],
  ['at the first question', 'server_version_num'],
  ['at the history', 'SELECT * FROM'],
] as const)
  for (const cut of ['before', 'after'] as const)
    t.test(`a connection that is cut ${title}, ${cut} it is passed on, is left to the driver`, async t => {
      let cuts = 0
      const { url, folder, logins } = await watched(t, bytes => {
        if (!bytes.includes(at) || cuts > 0) return undefined
        cuts += 1
        return cut
      })
      t.match(await runUp(url, folder), { error: undefined, events: [{ event: 'up.nothing' }] })
      t.strictSame([cuts, logins()], [1, 2])
    })

t.test('a server without TLS is read in plain where TLS is only preferred', async t => {
  const { url, logins } = await watched(t)
  for (const preferred of [url.replace('disable', 'prefer'), url.replace('?sslmode=disable', '')])
    t.match(await glance(preferred), [{ name: '0001-a' }])
  t.equal(logins(), 2)
})

/** A port that answers a wish for TLS, and what comes after it. */
const answersWish = async (t: Test, answer: (socket: Socket) => void): Promise<string> => {
  const front = createServer(socket => void socket.on('error', () => undefined).once('data', () => answer(socket)))
  front.listen(0, '127.0.0.1')
  await once(front, 'listening')
  t.teardown(() => front.close())
  return `127.0.0.1:${Object(front.address()).port}/`
}

t.test('a server with TLS is read by it, whatever its certificate', { skip: noOpenssl }, async t => {
  const { direct, url, logins } = await watched(t)
  const front = await startTls(server.port, makeCertificate(t.testdir({})).pair)
  t.teardown(front.stop)
  const preferred = direct.replace(`:${server.port}/`, `:${front.port}/`).replace('disable', 'prefer')
  for (const named of [preferred, preferred.replace('127.0.0.1', 'localhost')])
    t.match(await glance(named), [{ name: '0001-a' }])
  t.equal(await glance(preferred.replace('prefer', 'disable')), undefined)
  t.equal(logins(), 0, url)
})

t.test('a server that answers a wish for TLS otherwise is left to the driver', async t => {
  for (const answer of ['SE', 'NN', 'E', 'HTTP/1.1 400 Bad Request\r\n', '']) {
    const port = await answersWish(t, socket => void socket.end(answer))
    for (const wish of ['', '?sslmode=disable'])
      t.equal(await glance(`postgres://hub@${port}hub${wish}`), undefined, answer)
  }
})

t.test('a socket is a way to a server, too', async t => {
  const { direct, folder } = await watched(t)
  const [folders] = await server.run(direct, 'SHOW unix_socket_directories')
  const url = direct.replace('127.0.0.1', encodeURIComponent(String(folders?.unix_socket_directories)))
  t.match(await glance(url), [{ name: '0001-a' }])
  t.match(await runUp(url, folder), { error: undefined, events: [{ event: 'up.nothing' }] })
  t.strictSame(await glance(url), Object(await byDriver(url)).value)
})

t.test('a history that the user may not read is left to the driver, which tells', async t => {
  const { direct, folder } = await watched(t)
  await server.run(direct, 'CREATE ROLE blind LOGIN')
  const url = direct.replace('postgres@', 'blind@')
  t.equal(await glance(url), undefined)
  t.match((await runUp(url, folder)).error, { code: 'PRIVILEGE_MISSING', message: /permission denied/ })
})

t.test('what needs the care of the driver is not even connected to', async t => {
  const { url, logins } = await watched(t)
  const name = url.replace(/.*@|\?.*/g, '')
  for (const other of [
    url.replace('disable', 'require'),
    url.replace('disable', 'verify-full'),
    url.replace('@', `@127.0.0.1:1,`),
    url.replace('postgres@', 'postgres:pa%C3%9F@'),
    url.replace('postgres@', 'postgres%00@'),
  ])
    t.equal(await glance(other), undefined, other.replace(name, ''))
  process.env.PGAPPNAME = 'hub'
  t.equal(await glance(url), undefined)
  delete process.env.PGAPPNAME
  t.equal(logins(), 0)
})

for (const [title, sql, known] of [
  [
    'with columns of other tools is read',
    'ALTER TABLE "SequelizeMeta" ADD "createdAt" timestamptz DEFAULT now()',
    true,
  ],
  ['with names that end in .js is read', `UPDATE "SequelizeMeta" SET name = '0001-a.js', checksum = NULL`, true],
  ['with names of two spellings is refused by the driver', `INSERT INTO "SequelizeMeta" VALUES ('0001-a.js')`, false],
  [
    'with other types is left to the driver',
    'ALTER TABLE "SequelizeMeta" ALTER applied_at TYPE timestamptz USING now()',
    false,
  ],
  ['that is none is refused by the driver', 'ALTER TABLE "SequelizeMeta" RENAME name TO other', false],
  [
    'that is a view is refused by the driver',
    'ALTER TABLE "SequelizeMeta" RENAME TO m; CREATE VIEW "SequelizeMeta" AS TABLE m',
    false,
  ],
  ['that is empty says so', 'DROP TABLE "SequelizeMeta"', true],
] as const)
  t.test(`a history ${title}`, async t => {
    const { direct } = await watched(t)
    await server.run(direct, sql)
    const seen = await byDriver(direct)
    t.strictSame(await glance(direct), known ? Object(seen).value : undefined)
    t.equal('value' in seen, known)
  })

t.test('an unsuitable server is left to the driver: a standby', async t => {
  const { direct, folder } = await watched(t)
  const standby = await server.makeStandby()
  t.teardown(() => standby.stop())
  const url = direct.replace(`:${server.port}/`, `:${standby.port}/`)
  t.equal(await glance(url), undefined)
  t.match((await runUp(url, folder, { MIGRATOR_LOCK_TIMEOUT: '0' })).error, { code: 'DATABASE_READ_ONLY' })
})

/** What an impostor, who does not know the password, does of SCRAM. */
type Fraud = Readonly<{
  /** of the nonce */
  nonce?: (own: string) => string
  iterations?: number
  password?: string
  /** instead of the challenge and all that comes after it */
  skips?: 'challenge' | 'verdict'
  /** what answers the first question */
  facts?: readonly (string | null)[]
}>

/** Speaks as a server that has applied all migrations. */
const impostor = async (t: Test, fraud: Fraud) => {
  const { nonce = own => `${own}more`, iterations = 1, password = 'right', skips } = fraud
  const { facts = ['PostgreSQL 18.4', '180004', 'f', null, 'f'] } = fraud
  const accept = Buffer.concat([say.login(0), say.notice, say.ready])
  const texts = (...names: readonly string[]) => say.columns(names.map(name => [name, 25]))
  const answers = [
    Buffer.concat([
      say.columns([
        ['version', 25],
        ['number', 23],
        ['standby', 16],
        ['transactionalDdl', 25],
        ['citus', 16],
      ]),
      say.row(facts),
    ]),
    Buffer.concat([
      say.columns([
        ['kind', 18],
        ['name', 19],
        ['required', 16],
      ]),
      say.row(['r', 'name', 't']),
    ]),
    Buffer.concat([texts('name', 'checksum'), say.row(['0001-a', null])]),
  ]
  const talk = (socket: Socket): void => {
    let [first, challenge] = ['', '']
    let asked = 0
    socket.on('error', () => undefined)
    socket.on('data', (bytes: Buffer) => {
      const text = bytes.toString('latin1')
      if (text.includes('user\0')) return void socket.write(say.login(10, 'SCRAM-SHA-256\0\0'))
      if (text.includes('SCRAM-SHA-256\0')) {
        if (skips === 'challenge') return void socket.write(accept)
        first = text.slice(text.indexOf('n=,r='))
        challenge = `r=${nonce(first.slice(5))},s=${btoa('salt')},i=${iterations}`
        return void socket.write(say.login(11, challenge))
      }
      if (text.startsWith('p')) {
        if (skips === 'verdict') return void socket.write(accept)
        const key = createHmac('sha256', pbkdf2Sync(password, 'salt', iterations, 32, 'sha256')).update('Server Key')
        const said = `${first},${challenge},${text.slice(5).replace(/,p=.*/, '')}`
        const verdict = createHmac('sha256', key.digest()).update(said).digest('base64')
        return void socket.write(Buffer.concat([say.login(12, `v=${verdict}`), accept]))
      }
      for (const _ of text.split('P\0E').slice(1))
        socket.write(Buffer.concat([encode('1'), encode('2'), answers[asked++] ?? say.done, say.done, say.ready]))
    })
  }
  const fake = createServer(talk).listen(0, '127.0.0.1')
  await once(fake, 'listening')
  t.teardown(() => fake.close())
  return `postgres://hub:right@127.0.0.1:${Object(fake.address()).port}/hub?sslmode=disable`
}

t.test('a server is trusted when it shows that it knows the password', async t => {
  t.match(await glance(await impostor(t, {})), [{ name: '0001-a' }])
})

for (const [title, fraud] of [
  ['whose signature is of another password', { password: 'wrong' }],
  ['that does not answer the nonce of the client', { nonce: () => 'hijacked'.repeat(4) }],
  ['that adds nothing to the nonce of the client', { nonce: own => own }],
  ['that would have the client compute for minutes', { iterations: 999_999 }],
  ['that would have the client compute nothing', { iterations: 0 }],
  ['that leaves out its challenge', { skips: 'challenge' }],
  ['that leaves out its signature', { skips: 'verdict' }],
  ['whose rows have other columns than it says', { facts: ['PostgreSQL 18.4'] }],
] as readonly (readonly [string, Fraud])[])
  t.test(`a server ${title} is not trusted`, async t => {
    t.equal(await glance(await impostor(t, fraud)), undefined)
  })
