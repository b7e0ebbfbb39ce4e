/** The commands on a server, and the schema that the migrations make there. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { commandTable } from '../../src/cli.ts'
import * as library from '../../src/library/library.ts'
import { firstThree } from '../help/first-three.ts'
import { makeFolder, runCommand, up } from '../help/on-server.ts'
import { sharedServer } from '../help/postgres.ts'
import { root, runProgram, settingsFor } from '../help/program.ts'

const server = await sharedServer()

t.test('migrations/schema.postgres.sql is what the migrations make, and can be run', async t => {
  const url = await server.makeDatabase()
  const ofImage = join(root, 'migrations')
  t.match(await runCommand(url, 'up', ofImage), { exitCode: 0 })
  const { stdout } = await runCommand(url, 'schema', ofImage)
  t.equal(stdout, readFileSync(join(root, 'migrations/schema.postgres.sql'), 'utf8'))
  const other = await server.makeDatabase()
  await server.run(other, stdout)
  t.equal((await runCommand(other, 'schema')).stdout, stdout)
})

t.test(
  'the schema is the same text in whatever order it was made, and can be run whatever its tables are called',
  async t => {
    const make = [
      'CREATE TABLE "my parent" (id bigint PRIMARY KEY)',
      'CREATE TABLE child (id bigint REFERENCES "my parent")',
      "CREATE FUNCTION child() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
      'CREATE TRIGGER child AFTER INSERT ON child FOR EACH ROW EXECUTE FUNCTION child()',
      'CREATE TRIGGER child AFTER INSERT ON "my parent" FOR EACH ROW EXECUTE FUNCTION child()',
    ]
    const [url, other, third] = [await server.makeDatabase(), await server.makeDatabase(), await server.makeDatabase()]
    await server.run(url, ...make)
    await server.run(other, ...make.slice(0, 3), ...make.slice(3).toReversed())
    const [one, two] = [await runCommand(url, 'schema'), await runCommand(other, 'schema')]
    t.equal(two.stdout, one.stdout)
    await server.run(third, one.stdout)
    t.equal((await runCommand(third, 'schema')).stdout, one.stdout)
  },
)

/** What both engines have to agree in. */
type Shape = Readonly<{
  columns: readonly (readonly [table: string, column: string, required: boolean, generated: boolean, kind: string])[]
  keys: readonly string[]
  indexes: readonly string[]
}>

const kinds: readonly (readonly [RegExp, string])[] = [
  [/^(?:text|TEXT)$/, 'text'],
  [/^(?:timestamp with time zone|TIMESTAMP)$/, 'time'],
  [/^(?:double precision|REAL)$/, 'fraction'],
  [/^(?:bigint|integer|INTEGER)$/, 'whole number'],
]
const kindOf = (type: string): string => kinds.find(([pattern]) => pattern.test(type))?.[1] ?? type

t.test('both engines make the same tables: columns, keys, what may be missing, indexes', async t => {
  const url = await server.makeDatabase()
  await runCommand(url, 'up')
  const folder = t.testdir()
  await runProgram([], settingsFor(folder))
  const file = new Database(join(folder, 'homelab.db'), { readonly: true })
  t.teardown(() => file.close())
  const bySqlite: Shape = {
    columns: file
      .prepare<[], { t: string; c: string; required: number; hidden: number; type: string }>(
        `SELECT m.name AS t, c.name AS c, c."notnull" OR c.pk > 0 AS required, c.hidden, replace(c.type, ' GENERATED ALWAYS', '') AS type
         FROM sqlite_schema AS m JOIN pragma_table_xinfo(m.name) AS c WHERE m.type = 'table' AND m.name IN ('servers', 'metrics')
         ORDER BY m.name, c.cid`,
      )
      .all()
      .map(({ t, c, required, hidden, type }) => [t, c, required === 1, hidden > 0, kindOf(type)]),
    keys: file
      .prepare<[], string>(
        `SELECT m.name || '.' || f."from" || ' -> ' || f."table" || '.' || f."to" FROM sqlite_schema AS m
         JOIN pragma_foreign_key_list(m.name) AS f WHERE m.type = 'table'`,
      )
      .pluck()
      .all(),
    indexes: file
      .prepare<[], string>("SELECT name || ' ' || tbl_name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")
      .pluck()
      .all(),
  }
  const columns = await server.run(
    url,
    `SELECT c.relname AS t, a.attname AS c, a.attnotnull AS required, a.attgenerated <> '' AS generated,
       format_type(a.atttypid, a.atttypmod) AS type
     FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
     WHERE c.oid IN ('servers'::regclass, 'metrics'::regclass) AND a.attnum > 0 ORDER BY c.relname, a.attnum`,
  )
  const keys = await server.run(
    url,
    `SELECT format('%s.%s -> %s.%s', conrelid::regclass, a.attname, confrelid::regclass, b.attname) AS key
     FROM pg_constraint JOIN pg_attribute AS a ON a.attrelid = conrelid AND a.attnum = conkey[1]
     JOIN pg_attribute AS b ON b.attrelid = confrelid AND b.attnum = confkey[1] WHERE contype = 'f'`,
  )
  const indexes = await server.run(
    url,
    `SELECT indexname || ' ' || tablename AS name FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT LIKE '%_pkey'`,
  )
  const byPostgres: Shape = {
    columns: columns.map(({ t, c, required, generated, type }) => [
      ...([String(t), String(c)] as const),
      ...([required === true, generated === true, kindOf(String(type))] as const),
    ]),
    keys: keys.map(({ key }) => String(key)),
    indexes: indexes.map(({ name }) => String(name)),
  }
  t.strictSame(byPostgres, bySqlite)
})

t.test('os_info has the same characters on both engines, whatever a server is called', async t => {
  const url = await server.makeDatabase()
  await runCommand(url, 'up')
  const folder = t.testdir()
  await runProgram([], settingsFor(folder))
  const file = new Database(join(folder, 'homelab.db'))
  t.teardown(() => file.close())
  for (const [id, os] of [
    ['a', 'Debian "12" \\ ÄÖ 🐧'],
    ['b', 'tab\tand\nline'],
    ['c', null],
  ] as const) {
    file.prepare('INSERT INTO servers (id, hostname, os_distribution) VALUES (?, ?, ?)').run(id, id, os)
    const value =
      os === null ? 'NULL' : `E'${os.replaceAll('\\', '\\\\').replaceAll('\t', '\\t').replaceAll('\n', '\\n')}'`
    await server.run(url, `INSERT INTO servers (id, hostname, os_distribution) VALUES ('${id}', '${id}', ${value})`)
  }
  t.strictSame(
    await server.run(url, 'SELECT os_info FROM servers ORDER BY id'),
    file.prepare('SELECT os_info FROM servers ORDER BY id').all(),
  )
})

t.test('every migration of the image goes up, and its twin has what its common text exports', async t => {
  for (const name of ['0001-create-servers', '0002-create-metrics', '0003-add-os-info']) {
    const [common, twin] = await Promise.all(
      ['ts', 'postgres.ts'].map(end => import(join(root, `migrations/${name}.${end}`))),
    )
    t.strictSame(Object.keys(twin).sort(), Object.keys(common).sort())
  }
})

t.test('status tells what is applied, pending and ready, and what the server is', async t => {
  const url = await server.makeDatabase()
  const before = JSON.parse((await runCommand(url, 'status --json')).stdout)
  t.match(before, { ready: false, applied: 0, pending: 3, marker: null, backups: [], journalMode: null })
  t.match(await runCommand(url, 'status --exit-code'), { exitCode: 3, failure: 'PENDING' })
  await runCommand(url, 'up')
  const after = JSON.parse((await runCommand(url, 'status --json')).stdout)
  t.match(after, {
    ...{ ready: true, applied: 3, pending: 0, bytes: Number, database: /^postgres:\/\/127\.0\.0\.1:\d+\/test_\d+/ },
    server: { version: /^PostgreSQL 1\d/, standby: false, lag: null },
    tables: [
      { name: 'SequelizeMeta', rows: 3 },
      { name: 'metrics', rows: 0 },
      { name: 'servers', rows: 0 },
    ],
  })
  const { stdout, exitCode } = await runCommand(url, 'status --exit-code')
  t.match(stdout, /: 3 applied, 0 pending, ready\n.*, PostgreSQL 1\d/)
  t.notMatch(stdout, /marker|backup|journal/)
  t.equal(exitCode, 0)
})

t.test('wait ends when the history has all migrations, and with 20 when it has not in time', async t => {
  const url = await server.makeDatabase()
  t.match(await runCommand(url, 'wait --timeout 0'), { exitCode: 20, failure: 'NOT_READY' })
  const waiting = runCommand(url, 'wait --timeout 30')
  await runCommand(url, 'up')
  t.match(await waiting, { exitCode: 0 })
})

t.test('up --to applies no later one, and refuses to go back', async t => {
  const url = await server.makeDatabase()
  t.match(await runCommand(url, 'up --to 0002-create-metrics'), { exitCode: 0 })
  t.match(JSON.parse((await runCommand(url, 'status --json')).stdout), { applied: 2, pending: 1 })
  t.match(await runCommand(url, 'up --to 0001-create-servers'), { exitCode: 2, failure: 'CONFIG_INVALID' })
  t.match(await runCommand(url, 'up --to 0009-nothing'), { exitCode: 2, failure: 'CONFIG_INVALID' })
})

t.test('repair records the present text of a changed migration', async t => {
  const url = await server.makeDatabase()
  const first = makeFolder(t, up('await query("SELECT 1")'))
  await runCommand(url, 'up', first)
  const changed = makeFolder(t, up('await query("SELECT 2")'))
  t.match(await runCommand(url, 'up', changed), { exitCode: 50, failure: 'HISTORY_CONFLICT' })
  t.match(await runCommand(url, 'repair 0001-a', changed), { exitCode: 0, events: [{ event: 'repair.done' }] })
  t.match(await runCommand(url, 'repair 0001-a', changed), { exitCode: 0, events: [{ event: 'repair.nothing' }] })
  t.match(await runCommand(url, 'up', changed), { exitCode: 0 })
})

t.test('repair refuses a migration that is not applied', async t => {
  const url = await server.makeDatabase()
  t.match(await runCommand(url, 'repair 0001-create-servers'), { exitCode: 2, failure: 'CONFIG_INVALID' })
})

t.test('a wait for a server that cannot be reached ends with 20, and for one that refuses, with why', async t => {
  const nobody = 'postgres://nobody:x@127.0.0.1:1/none'
  t.match(await runCommand(nobody, 'wait --timeout 0'), { exitCode: 20, failure: 'NOT_READY' })
  const url = (await server.makeDatabase()).replace(/(\/)[^/?]*(\?|$)/, '$1none$2')
  t.match(await runCommand(url, 'wait --timeout 0'), { exitCode: 10, failure: 'NO_SUCH_DATABASE' })
})

t.test(
  'a plan tells the size of a table that is written anew; one that the hub does not have yet has none',
  async t => {
    const url = await server.makeDatabase()
    const make = up('await query("CREATE TABLE a (x integer)"); await query("INSERT INTO a VALUES (1)")')
    const folder = makeFolder(t, make, up('await query("ALTER TABLE a ALTER x TYPE bigint")'))
    const sizes = async () =>
      JSON.parse((await runCommand(url, 'plan --json', folder)).stdout)
        .migrations.flatMap(({ statements }: { statements: { rewrites: object[] }[] }) => statements)
        .flatMap(({ rewrites }: { rewrites: object[] }) => rewrites)
    t.strictSame(await sizes(), [{ table: 'a', bytes: 0 }])
    await runCommand(url, 'up --to 0001-a', folder)
    t.match(await sizes(), [{ table: 'a', bytes: 8192 }])
  },
)

t.test('on a server the last run tells what is ready', async t => {
  const url = await server.makeDatabase()
  const file = join(t.testdir(), 'homelab.prom')
  const settings = { DATABASE_URL: url, MIGRATOR_MIGRATIONS: firstThree, MIGRATOR_METRICS_FILE: file }
  for (const [words, schema, ready, exitCode] of [
    [[], '0003-add-os-info', 1, 0],
    [['up', '--to', '0009-x'], '', 0, 2],
  ] as const) {
    t.match(await runProgram(words, settings), { exitCode })
    const text = readFileSync(file, 'utf8')
    for (const sample of [`info{schema="${schema}"`, `ready ${ready}\n`, `last_run_exit_code ${exitCode}\n`])
      t.match(text, `\nhomelab_migrator_${sample}`)
  }
})

t.test('schema as JSON has its objects', async t => {
  const url = await server.makeDatabase()
  await runCommand(url, 'up')
  t.match(JSON.parse((await runCommand(url, 'schema --json')).stdout), {
    schema: '0003-add-os-info',
    objects: [
      { type: 'table', name: 'SequelizeMeta' },
      { type: 'index', name: 'idx_metrics_server_timestamp' },
      {},
      {},
    ],
  })
})

t.test('what only a file has is refused with 2 and what to use, and nothing is changed', async t => {
  const url = await server.makeDatabase()
  const refused = commandTable.filter(({ insteadOnServer }) => insteadOnServer !== undefined)
  t.ok(refused.length > 0)
  for (const { name, argument } of refused) {
    const { exitCode, failure, error } = await runCommand(url, argument?.[0].startsWith('<') ? `${name} a-name` : name)
    t.match(
      { exitCode, failure, error },
      { exitCode: 2, failure: 'CONFIG_INVALID', error: { message: /works on database files only/ } },
      name,
    )
  }
  t.match(await runCommand(url, 'up --hold'), { exitCode: 2, failure: 'CONFIG_INVALID' })
  t.match(JSON.parse((await runCommand(url, 'status --json')).stdout), { applied: 0, tables: [] })
})

t.test('a Node program has all calls of the library on a server, too', async t => {
  const databaseUrl = await server.makeDatabase()
  const options = {
    databaseUrl,
    migrations: makeFolder(
      t,
      up("await query('CREATE TABLE a (id bigint)')", 'export const down = ({ context }) => context.dropTable("a")'),
    ),
  }
  t.match(await library.plan(options), { migrations: [{ name: '0001-a' }] })
  t.match(await library.up(options), { applied: [{ name: '0001-a' }] })
  t.match(await library.verify(options), { code: null })
  t.match(await library.status(options), { ready: true })
  t.match(await library.down(options), { undone: ['0001-a'] })
})

t.test('a migration that calls a run on its own database fails at once, and may call one on another', async t => {
  const [databaseUrl, other] = [await server.makeDatabase(), await server.makeDatabase()]
  const inner = makeFolder(t, "await query('CREATE TABLE a (id bigint)')")
  const nested = (url: string) =>
    makeFolder(
      t,
      `import { up as run } from '${join(root, 'src/library/library.ts')}'
export const up = () => run(${JSON.stringify({ databaseUrl: url, migrations: inner })})`,
    )
  const events: string[] = []
  const onEvent = ({ event }: Readonly<{ event: string }>) => void events.push(event)
  await t.rejects(library.up({ databaseUrl, migrations: nested(databaseUrl), onEvent }), {
    code: 'MIGRATION_FAILED',
    message: /because it is being run there itself/,
  })
  t.notOk(events.includes('lock.waiting'))
  t.match(await library.up({ databaseUrl, migrations: nested(other) }), { applied: [{ name: '0001-a' }] })
})
