/**
 * A hub is copied from its file to a server and back: random databases are the same value by value, or refused by name; and kill -9 at
 * random instants leaves nothing. A short form in `npm test`, the long one in `npm run test:faults`, which prints its figures.
 */
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { contents, databases, fill, makeBases, makeMigrations } from '../help/copied.ts'
import { sharedServer } from '../help/postgres.ts'
import { runProgram, startProgram } from '../help/program.ts'
import { startProxy } from '../help/proxy.ts'

t.jobs = 1
const long = process.env.FAULTS === 'long'
const [runs, kills] = long ? [200, 50] : [4, 2]

const server = await sharedServer()
const folder = t.testdir()
const migrations = makeMigrations(folder)
const bases = await makeBases(folder, migrations)
const whole = await server.makeDatabase()

let schemas = 0
/** The URL of a new schema, which costs less than a database. */
const makeSchema = async (): Promise<string> => {
  schemas += 1
  await server.run(whole, `CREATE SCHEMA copy_${schemas}`)
  return `${whole}&schema=copy_${schemas}`
}
const nameOf = (url: string): string => url.replace(/.*schema=/, '')
const settingsFor = (url: string) => ({
  DATABASE_URL: url,
  MIGRATOR_MIGRATIONS: migrations,
  ...(url.startsWith('sqlite:') ? { MIGRATOR_REQUIRE_MOUNT: 'never' } : {}),
})
const copy = (to: string, from: string, ...words: readonly string[]) =>
  runProgram(['copy', '--from', from, ...words], settingsFor(to))

const tablesOf = async (url: string): Promise<readonly string[]> => {
  const rows = await server.run(
    whole,
    `SELECT relname AS name FROM pg_class WHERE relnamespace = '${nameOf(url)}'::regnamespace AND relkind = 'r' ORDER BY 1`,
  )
  return rows.map(({ name }) => String(name))
}

/** All files of a folder, with what they hold and when that changed. */
const stateOf = (folder: string): string =>
  JSON.stringify(
    readdirSync(folder)
      .sort()
      .map(name => {
        const { ino, mtimeMs } = statSync(join(folder, name))
        return [
          name,
          ino,
          mtimeMs,
          createHash('sha256')
            .update(readFileSync(join(folder, name)))
            .digest('hex'),
        ]
      }),
  )

let folders = 0
/** A folder with a file in it, made by `work`. */
const makeFile = (
  base: keyof typeof bases,
  work: (connection: Database.Database) => void = () => undefined,
): string => {
  folders += 1
  const file = join(folder, `file-${folders}`, 'homelab.db')
  mkdirSync(join(file, '..'))
  copyFileSync(bases[base], file)
  const connection = new Database(file)
  // as hubs in Python write
  connection.pragma('foreign_keys = OFF')
  work(connection)
  connection.close()
  return file
}
const newFile = (): string => {
  folders += 1
  mkdirSync(join(folder, `file-${folders}`))
  return join(folder, `file-${folders}`, 'homelab.db')
}

/** Runs statements on a file, as a hub does. */
const write = (file: string, sql: string): void => {
  const connection = new Database(file)
  connection.exec(sql)
  connection.close()
}
/** A URL through a proxy, which calls `work` before it passes on the first statement with these words, or cuts there. */
const whenSent = async (t: Test, url: string, words: string, work: () => 'before' | undefined): Promise<string> => {
  let isSent = false
  const proxy = await startProxy(server.port, sent => {
    if (isSent || !sent.includes(words)) return undefined
    isSent = true
    return work()
  })
  t.teardown(proxy.stop)
  return url.replace(`:${server.port}/`, `:${proxy.port}/`)
}
const addServer = "INSERT INTO servers (id, hostname) VALUES ('omv', 'omv.lan')"

const own = ['servers', 'metrics', 'things', 'notes']

t.test(`${runs} random databases: each is the same there and back, or refused by table and column`, async t => {
  const figures: Record<string, number> = {}
  await fc.assert(
    fc.asyncProperty(databases, async database => {
      const file = newFile()
      const wrong = fill(file, bases, database)
      const before = stateOf(join(file, '..'))
      const url = await makeSchema()
      const there = await copy(
        url,
        `sqlite:${file}`,
        ...(database.base === 'alembic' ? ['--tables', 'alembic_version'] : []),
      )
      if (stateOf(join(file, '..')) !== before) throw new Error('the source was touched')
      const kind = `${database.base}, ${wrong.size === 0 ? 'copied' : 'refused'}`
      figures[kind] = (figures[kind] ?? 0) + 1
      if (wrong.size > 0) {
        const message = String(there.events.at(-1)?.message)
        const places = [...message.matchAll(/(\w+), [^;]*?column (\w+):/g)].map(
          ([, table, column]) => `${table}.${column}`,
        )
        const isNamed = places.length > 0 && places.every(place => wrong.has(place))
        if (there.failure !== 'VALUES_REFUSED' || !isNamed || (await tablesOf(url)).length > 0)
          throw new Error(`${[...wrong]} are wrong: ${there.stderr}`)
        return
      }
      if (there.exitCode !== 0) throw new Error(there.stderr)
      const back = newFile()
      const result = await copy(
        `sqlite:${back}`,
        url,
        ...(database.base === 'alembic' ? ['--tables', 'alembic_version'] : []),
      )
      if (result.exitCode !== 0) throw new Error(result.stderr)
      const tables = database.base === 'alembic' ? [...own, 'alembic_version'] : own
      const [a, b] = [contents(file, tables), contents(back, tables)].map(all =>
        // a file of Alembic's numbers without a memory
        JSON.stringify(database.base === 'alembic' ? { ...(all as object), sequence: [] } : all, null, 1),
      )
      if (a !== b) throw new Error(`it is another one:\n${a}\n${b}`)
      const checked = await copy(url, `sqlite:${back}`, '--check')
      if (checked.exitCode !== 0) throw new Error(checked.stderr)
      await server.run(whole, `DROP SCHEMA ${nameOf(url)} CASCADE`)
      rmSync(join(file, '..'), { recursive: true })
    }),
    { numRuns: runs, endOnFailure: true },
  )
  t.comment(`random databases: ${JSON.stringify(figures)}`)
  t.pass('all of them')
})

t.test('what the server cannot hold is named by table, key and column, and nothing is written', async t => {
  const file = makeFile('own', connection => {
    connection.exec(`INSERT INTO servers (id, hostname, last_seen) VALUES ('omv', 'omv.lan', 'yesterday'), ('nas', CAST(x'61ff' AS TEXT), NULL);
      INSERT INTO servers (id, hostname) VALUES (NULL, 'without a key');
      INSERT INTO metrics (id, server_id, timestamp, memory_total_mb, network_rx_bytes)
        VALUES (17, 'omv', '2026-01-18 10:00:00', 'much', 9223372036854775808), (18, 'gone', '2026-01-18 10:00:00', 1, 1);
      UPDATE sqlite_sequence SET seq = 'many'`)
    connection.prepare('UPDATE servers SET os_version = ? WHERE id = ?').run('a\0b', 'omv')
  })
  const url = await makeSchema()
  const { exitCode, failure, events } = await copy(url, `sqlite:${file}`)
  t.match({ exitCode, failure }, { exitCode: 41, failure: 'VALUES_REFUSED' })
  const message = String(events.at(-1)?.message)
  t.match(message, 'cannot hold 8 values of')
  for (const named of [
    "metrics, id 17, column memory_total_mb: the text 'much' is not a whole number that bigint holds",
    'metrics, id 17, column network_rx_bytes: the number 9223372036854776000 is not a whole number that bigint holds',
    "servers, id omv, column last_seen: the text 'yesterday' is not a time",
    'servers, id omv, column os_version: the text has a NUL character',
    'servers, id nas, column hostname: the text is not valid UTF-8',
  ])
    t.match(message, named)
  t.strictSame(await tablesOf(url), [])
  const fix = (sql: string): void => {
    const connection = new Database(file)
    connection.pragma('foreign_keys = OFF')
    connection.exec(sql)
    connection.close()
  }
  fix(
    "DELETE FROM servers WHERE id <> 'omv' OR id IS NULL; UPDATE servers SET os_version = '', last_seen = NULL; DELETE FROM metrics WHERE id = 17",
  )
  const left = await copy(url, `sqlite:${file}`)
  t.match(left.events.at(-1)?.message, 'metrics, rowid 18, column of the foreign key to servers: has no parent')
  t.match(left.events.at(-1)?.message, 'sqlite_sequence, name metrics, column seq: many is not a number')
  t.strictSame(await tablesOf(url), [])
})

t.test(
  'a row is named by its key whatever that is, by three columns without one, and by its number as an orphan',
  async t => {
    const url = await makeSchema()
    const keys = makeFile('own', connection =>
      connection.exec(`INSERT INTO servers (id, hostname) VALUES (x'00ff', 'a'), (CAST(x'61ff' AS TEXT), 'b');
      INSERT INTO notes (note, n) VALUES ('a', 'many')`),
    )
    const { events } = await copy(url, `sqlite:${keys}`)
    for (const named of [
      "notes, note a, at NULL, n many, column n: the text 'many' is not a whole number",
      "servers, id x'00ff', column id: a blob of 2 bytes is not text",
      'servers, id a\u00ff, column id: the text is not valid UTF-8',
    ])
      t.match(events.at(-1)?.message, named)
    const orphans = makeFile('own', connection =>
      connection.exec(`CREATE TABLE tags (name TEXT PRIMARY KEY, server_id TEXT REFERENCES servers (id)) WITHOUT ROWID;
      INSERT INTO tags VALUES ('a', 'gone');
      INSERT INTO metrics (id, server_id, timestamp) VALUES (5, 'gone', '2026-01-18'), (6, 'gone', '2026-01-18')`),
    )
    const { events: left } = await copy(url, `sqlite:${orphans}`, '--tables', 'tags')
    for (const named of ['metrics, rowid 5 and 1 more, column', 'tags, 1 row, column of the foreign key to servers'])
      t.match(left.at(-1)?.message, named)
    t.strictSame(await tablesOf(url), [])
  },
)

t.test('a row that only the server can judge is told in its words, and everything is rolled back', async t => {
  const file = makeFile('own', connection => connection.exec("INSERT INTO notes (at) VALUES ('0001-01-01')"))
  const url = await makeSchema()
  const { failure, events } = await copy(url, `sqlite:${file}`)
  t.equal(failure, 'VALUES_REFUSED')
  t.match(events.at(-1)?.message, 'of_this_age')
  t.strictSame(await tablesOf(url), [])
})

t.test('while the hub writes a copy is a rehearsal: it ends with 20, and leaves nothing', async t => {
  for (const mode of ['wal', 'not yet open'] as const) {
    const file = makeFile('own', connection =>
      connection.exec("INSERT INTO servers (id, hostname) VALUES ('omv', 'omv.lan')"),
    )
    const open = (): Database.Database => new Database(file)
    const hub = mode === 'wal' ? open() : undefined
    hub?.exec("UPDATE servers SET hostname = 'a'")
    const url = await makeSchema()
    const running = copy(url, `sqlite:${file}`)
    await setTimeout(1)
    const writer = hub ?? open()
    writer.exec("UPDATE servers SET hostname = 'b'")
    const { exitCode, failure } = await running
    t.match({ exitCode, failure }, { exitCode: 20, failure: 'SOURCE_CHANGED' }, mode)
    t.strictSame(await tablesOf(url), [])
    writer.close()
    t.match(await copy(url, `sqlite:${file}`), { exitCode: 0 }, 'the move')
  }
})

t.test(
  'a file that is written to while it is compared, or before the copy is known to be there, has changed',
  async t => {
    const [file, url] = [makeFile('own'), await makeSchema()]
    const after = await copy(await whenSent(t, url, 'COMMIT\0', () => void write(file, addServer)), `sqlite:${file}`)
    t.match(after, { exitCode: 20, failure: 'SOURCE_CHANGED' })
    t.match(after.events.at(-1)?.message, /changed after the copy, which lacks the change/)
    t.strictSame(await server.run(whole, `SELECT FROM ${nameOf(url)}.servers`), [])
    const compared = await copy(
      await whenSent(t, url, 'COPY (', () => void write(file, "UPDATE servers SET hostname = 'b'")),
      ...[`sqlite:${file}`, '--check'],
    )
    t.match(compared, { exitCode: 20, failure: 'SOURCE_CHANGED' })
    t.match(compared.events.at(-1)?.message, /changed while it was compared/)
  },
)

t.test('what cannot be read of a file is damage, unless the file was written to meanwhile', async t => {
  const damaged = makeFile('own')
  const connection = new Database(damaged)
  const size = Number(connection.pragma('page_size', { simple: true }))
  const page = connection.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'notes'").pluck().get()
  connection.close()
  writeFileSync(damaged, readFileSync(damaged).fill(255, (Number(page) - 1) * size, Number(page) * size))
  const url = await makeSchema()
  t.match(await copy(url, `sqlite:${damaged}`), { exitCode: 30, failure: 'DATABASE_DAMAGED' })
  const through = await whenSent(t, url, 'CREATE TABLE', () => void write(damaged, addServer))
  const { failure, events } = await copy(through, `sqlite:${damaged}`)
  t.equal(failure, 'SOURCE_CHANGED')
  t.match(events.at(-1)?.message, /everything was rolled back/)
  t.strictSame(await tablesOf(url), [])
})

t.test('a server that is lost while keys are dropped cannot be reached, and nothing is copied', async t => {
  const url = await makeSchema()
  const through = await whenSent(t, url, 'DROP CONSTRAINT', () => 'before')
  t.match(await copy(through, `sqlite:${makeFile('own')}`), { exitCode: 10, failure: 'DATABASE_UNREACHABLE' })
  t.strictSame(await tablesOf(url), [])
})

t.test('what somebody else changes while keys are made again is noticed, and everything is rolled back', async t => {
  const url = await server.makeDatabase()
  await server.run(
    url,
    'CREATE SCHEMA audit',
    `CREATE FUNCTION audit.note() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
       IF to_regclass('public.notes') IS NOT NULL AND current_query() LIKE '%ADD CONSTRAINT%' THEN
         CREATE TABLE IF NOT EXISTS public.audited ();
       END IF;
     END $$`,
    "CREATE EVENT TRIGGER note ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION audit.note()",
  )
  const { exitCode, stderr } = await copy(url, `sqlite:${makeFile('own')}`)
  t.equal(exitCode, 1)
  t.match(stderr, /the schema is another one after its keys were made again/)
  t.strictSame(await server.run(url, "SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace"), [])
})

t.test('a text in UTF-16 is the same on the server, which sorts it otherwise', async t => {
  const file = newFile()
  const connection = new Database(file)
  connection.exec("PRAGMA encoding = 'UTF-16le'; CREATE TABLE x (x); DROP TABLE x")
  connection.close()
  t.match(await runProgram([], settingsFor(`sqlite:${file}`)), { exitCode: 0 })
  write(file, "INSERT INTO servers (id, hostname) VALUES ('\u{1f600}', 'a'), ('\ufb00', 'b'), ('x', 'c')")
  const url = await makeSchema()
  t.match(await copy(url, `sqlite:${file}`), { exitCode: 0 })
  t.match(await server.run(whole, `SELECT hostname FROM ${nameOf(url)}.servers WHERE id = '\u{1f600}'`), [
    { hostname: 'a' },
  ])
  t.match(await copy(url, `sqlite:${file}`, '--check'), { exitCode: 0 })
  await server.run(whole, `UPDATE ${nameOf(url)}.servers SET hostname = 'z' WHERE id = 'x'`)
  const { events } = await copy(url, `sqlite:${file}`, '--check')
  t.match(events.at(-1)?.message, 'servers: the rows are not the same')
})

t.test('what a killed hub left in its WAL is copied, and the files stay as they are', async t => {
  const file = makeFile('own')
  const hub = new Database(file)
  hub.exec("INSERT INTO servers (id, hostname) VALUES ('omv', 'omv.lan')")
  const dead = newFile()
  for (const suffix of ['', '-wal']) copyFileSync(file + suffix, dead + suffix)
  hub.close()
  const before = stateOf(join(dead, '..'))
  const url = await makeSchema()
  t.match(await copy(url, `sqlite:${dead}`), { exitCode: 0 })
  t.match(await server.run(whole, `SELECT id FROM ${nameOf(url)}.servers`), [{ id: 'omv' }])
  t.equal(stateOf(join(dead, '..')), before)
})

t.test('the numbers of deleted rows are given to no other, on either side', async t => {
  const insert = "INSERT INTO metrics (server_id, timestamp) VALUES ('omv', '2026-01-18 10:00:00')"
  const file = makeFile('own', connection =>
    connection.exec(
      `INSERT INTO servers (id, hostname) VALUES ('omv', 'omv.lan'); ${insert}; ${insert}; ${insert}; DELETE FROM metrics WHERE id > 1`,
    ),
  )
  const url = await makeSchema()
  await copy(url, `sqlite:${file}`)
  const space = `SET search_path = ${nameOf(url)}`
  t.match(await server.run(whole, space, `${insert} RETURNING id`), [{ id: '4' }])
  await server.run(whole, space, 'DELETE FROM metrics WHERE id = 4')
  const back = newFile()
  await copy(`sqlite:${back}`, url)
  const connection = new Database(back)
  t.match(connection.prepare(`${insert} RETURNING id`).get(), { id: 5 })
  connection.close()
})

t.test(
  'a new file is whole: journal mode, indexes, triggers, a marker after up; and it takes the place of none',
  async t => {
    const url = await makeSchema()
    await copy(url, `sqlite:${makeFile('own')}`)
    const back = newFile()
    t.match(await copy(`sqlite:${back}`, url), { exitCode: 0 })
    t.strictSame(readdirSync(join(back, '..')), ['homelab.db'])
    t.match(await runProgram([], settingsFor(`sqlite:${back}`)), { exitCode: 0 })
    t.match(await runProgram(['verify'], settingsFor(`sqlite:${back}`)), { exitCode: 0 })
    const before = stateOf(join(back, '..'))
    t.match(await copy(`sqlite:${back}`, url), { exitCode: 2, failure: 'CONFIG_INVALID' })
    t.equal(stateOf(join(back, '..')), before)
    const beside = newFile()
    writeFileSync(`${beside}-wal`, 'of another one')
    t.match(await copy(`sqlite:${beside}`, url), { exitCode: 2 })
    const taken = newFile()
    const through = await whenSent(t, url, 'COPY (', () => void writeFileSync(taken, 'of another one'))
    t.match(await copy(`sqlite:${taken}`, through), { exitCode: 2, failure: 'CONFIG_INVALID' })
    t.equal(readFileSync(taken, 'utf8'), 'of another one')
  },
)

t.test('what a file cannot hold is named on the way back, and there is no file', async t => {
  const url = await makeSchema()
  await copy(url, `sqlite:${makeFile('own')}`)
  await server.run(
    whole,
    `SET search_path = ${nameOf(url)}`,
    "INSERT INTO servers (id, hostname, last_seen) VALUES ('omv', 'omv.lan', 'infinity')",
    "INSERT INTO metrics (server_id, timestamp, cpu_percent, load_1m) VALUES ('omv', '0044-03-15 BC', 'NaN', '-0')",
  )
  const back = newFile()
  const { failure, events } = await copy(`sqlite:${back}`, url)
  t.equal(failure, 'VALUES_REFUSED')
  const message = String(events.at(-1)?.message)
  for (const column of [
    'metrics, id 1, column timestamp',
    'id 1, column cpu_percent',
    'id 1, column load_1m',
    'servers, id omv, column last_seen',
  ])
    t.match(message, column)
  t.strictSame(readdirSync(join(back, '..')), [])
})

t.test('a migration may ask for more in a file than on a server, and the other way round', async t => {
  const stricter = join(folder, 'stricter')
  cpSync(migrations, stricter, { recursive: true })
  writeFileSync(
    join(stricter, '0005-create-limits.sql'),
    '-- migrate:up\nCREATE TABLE limits (id INTEGER PRIMARY KEY, n INTEGER CHECK (n < 100), code NUMERIC, needed TEXT NOT NULL);\n',
  )
  writeFileSync(
    join(stricter, '0005-create-limits.postgres.sql'),
    `-- migrate:up
    CREATE TABLE limits (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, n bigint CHECK (10 / n < 10), code text, needed text);`,
  )
  const run = (to: string, ...words: readonly string[]) =>
    runProgram(words, { ...settingsFor(to), MIGRATOR_MIGRATIONS: stricter })
  const file = makeFile('own')
  t.match(await run(`sqlite:${file}`), { exitCode: 0 })
  write(file, "INSERT INTO limits VALUES (1, 0, 'a1', '')")
  const url = await makeSchema()
  const there = await run(url, 'copy', '--from', `sqlite:${file}`)
  t.equal(there.failure, 'VALUES_REFUSED')
  t.match(there.events.at(-1)?.message, /refuses a row: division by zero \(/)
  write(file, 'UPDATE limits SET n = 7')
  t.match(await run(url, 'copy', '--from', `sqlite:${file}`), { exitCode: 0 })
  await server.run(
    whole,
    `INSERT INTO ${nameOf(url)}.limits VALUES (2, 7, '12', 'x'), (3, 7, 'b', NULL), (4, 200, 'b', 'x')`,
  )
  const back = newFile()
  const refused = await run(`sqlite:${back}`, 'copy', '--from', url)
  t.match(refused, { exitCode: 41, failure: 'VALUES_REFUSED' })
  for (const named of [
    "limits, id 2, column code: SQLite stores the text '12' as a number in this column",
    'limits, id 3, column needed: is NULL, and the column is NOT NULL in the file',
  ])
    t.match(refused.events.at(-1)?.message, named)
  await server.run(whole, `DELETE FROM ${nameOf(url)}.limits WHERE id IN (2, 3)`)
  const constraint = await run(`sqlite:${back}`, 'copy', '--from', url)
  t.equal(constraint.failure, 'VALUES_REFUSED')
  t.match(constraint.events.at(-1)?.message, /refuses a row: CHECK constraint failed: n < 100/)
  t.strictSame(readdirSync(join(back, '..')), [])
})

t.test('of very many values that a file cannot hold the first are named, and all are counted', async t => {
  const url = await makeSchema()
  await copy(url, `sqlite:${makeFile('own')}`)
  await server.run(
    whole,
    `INSERT INTO ${nameOf(url)}.notes (note, at) SELECT 'a', 'infinity' FROM generate_series(1, 25)`,
  )
  const back = newFile()
  const { failure, events } = await copy(`sqlite:${back}`, url)
  t.equal(failure, 'VALUES_REFUSED')
  const message = String(events.at(-1)?.message)
  t.ok(message.startsWith(`${back} cannot hold 25 values of`))
  t.match(message, /: notes, note a, at infinity, n NULL, column at: .*; and 20 others \(/)
})

t.test('a server that changes while it is copied is a rehearsal, too', async t => {
  const url = await makeSchema()
  await copy(url, `sqlite:${makeFile('own')}`)
  const back = newFile()
  const running = copy(`sqlite:${back}`, url)
  let done = false
  void running.finally(() => {
    done = true
  })
  for (let number = 0; !done; number += 1)
    await server.run(whole, `INSERT INTO ${nameOf(url)}.servers (id, hostname) VALUES ('${number}', 'x')`)
  t.match(await running, { exitCode: 20, failure: 'SOURCE_CHANGED' })
  t.strictSame(readdirSync(join(back, '..')), [])
  t.match(await copy(`sqlite:${back}`, url), { exitCode: 0 })
})

t.test('check tells what differs, and writes nothing', async t => {
  const rows = `INSERT INTO servers (id, hostname, last_seen) VALUES ('omv', 'omv.lan', '2026-01-18T12:00:00+02:00'), ('nas', 'nas.lan', NULL);
    INSERT INTO notes (n) VALUES (1), (1), (2)`
  const file = makeFile('own', connection => connection.exec(rows))
  const url = await makeSchema()
  t.match(await copy(url, `sqlite:${file}`, '--check'), { exitCode: 2 }, 'there is nothing yet')
  await copy(url, `sqlite:${file}`)
  const before = stateOf(join(file, '..'))
  t.match(await copy(url, `sqlite:${file}`, '--check'), { exitCode: 0, events: [{ event: 'copy.done', rows: 6 }] })
  t.match(await copy(`sqlite:${file}`, url, '--check'), { exitCode: 0 }, 'from either side')
  await server.run(
    whole,
    `SET search_path = ${nameOf(url)}`,
    "UPDATE servers SET hostname = NULLIF('a', 'b') WHERE id = 'nas'",
    'DELETE FROM notes WHERE ctid = (SELECT min(ctid) FROM notes WHERE n = 1)',
    'INSERT INTO notes (n) VALUES (2)',
    "INSERT INTO metrics (server_id, timestamp) VALUES ('omv', '2026-01-18')",
  )
  const { exitCode, failure, events } = await copy(url, `sqlite:${file}`, '--check')
  t.match({ exitCode, failure }, { exitCode: 54, failure: 'DATABASES_DIFFER' })
  const message = String(events.at(-1)?.message)
  for (const difference of [
    'servers, id nas, column hostname: nas.lan in the file, a on the server',
    'notes: the rows are not the same',
    'metrics: the server has more rows, the first id 1',
    'metrics: the last number of id is none in the file, 1 on the server',
  ])
    t.match(message, difference)
  t.equal(stateOf(join(file, '..')), before)
})

t.test('check names the first difference of each table, whatever it is', async t => {
  const [at, later] = ["'omv', '2026-01-18'", "'omv', '2026-01-19'"]
  const file = makeFile('own', connection =>
    connection.exec(`INSERT INTO servers (id, hostname) VALUES ('omv', '${'x'.repeat(70)}');
      INSERT INTO metrics (server_id, timestamp) VALUES (${at}), (${later}), (${later}); DELETE FROM metrics WHERE id = 3;
      INSERT INTO notes (n) VALUES (1), (2);
      WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
      INSERT INTO things (a, b, amount, raw) SELECT 'a', i, 1.5, zeroblob(100) FROM n`),
  )
  const url = await makeSchema()
  t.match(await copy(url, `sqlite:${file}`), { exitCode: 0 })
  const rounds: readonly (readonly [readonly string[], readonly string[]])[] = [
    [
      [
        "UPDATE servers SET hostname = 'y'",
        'DELETE FROM metrics WHERE id = 2',
        'DELETE FROM notes WHERE n = 2',
        'UPDATE things SET amount = NULL WHERE b IN (1, 5000)',
      ],
      [
        `servers, id omv, column hostname: ${'x'.repeat(60)}... in the file, y on the server`,
        'metrics: the file has more rows, the first id 2',
        'notes: the file has 5004 rows, the server 5003',
        'things, a a, b 1, column amount: 1.5 in the file, NULL on the server',
      ],
    ],
    [
      [
        `UPDATE servers SET hostname = '${'x'.repeat(70)}', display_name = 'OMV'`,
        'UPDATE metrics SET id = 7',
        'ALTER SEQUENCE metrics_id_seq RESTART',
        'UPDATE things SET amount = 1.5, b = CASE b WHEN 5000 THEN 9999 ELSE b END',
      ],
      [
        'servers, id omv, column display_name: NULL in the file, OMV on the server',
        'metrics: the file has id 1 where the server has id 7',
        'metrics: the last number of id is 3 in the file, none on the server',
        'things: the file has a a, b 5000 where the server has a a, b 9999',
      ],
    ],
  ]
  for (const [statements, differences] of rounds) {
    await server.run(whole, `SET search_path = ${nameOf(url)}`, ...statements)
    const { failure, events } = await copy(url, `sqlite:${file}`, '--check')
    t.equal(failure, 'DATABASES_DIFFER')
    for (const difference of differences) t.match(events.at(-1)?.message, difference)
    t.equal(String(events.at(-1)?.message).match(/things[,:] /g)?.length, 1)
  }
})

t.test('a text that is written as NULL is, is none', async t => {
  const [file, url] = [makeFile('own'), await makeSchema()]
  write(file, "INSERT INTO notes (note) VALUES ('\\N')")
  t.match(await copy(url, `sqlite:${file}`), { exitCode: 0 })
  t.match(await copy(url, `sqlite:${file}`, '--check'), { exitCode: 0 })
  await server.run(whole, `UPDATE ${nameOf(url)}.notes SET note = NULL WHERE note = E'\\\\N'`)
  const { events } = await copy(url, `sqlite:${file}`, '--check')
  t.match(events.at(-1)?.message, 'notes: the rows are not the same')
})

t.test('tables, columns and types that only one of them has are named', async t => {
  const [file, url] = [makeFile('own'), await makeSchema()]
  await copy(url, `sqlite:${file}`)
  write(file, 'DROP TABLE notes; DROP TRIGGER things_noted; ALTER TABLE servers ADD COLUMN span TEXT')
  await server.run(whole, `ALTER TABLE ${nameOf(url)}.servers ADD COLUMN span interval, ADD COLUMN more text`)
  const checked = await copy(url, `sqlite:${file}`, '--check')
  t.match(checked, { exitCode: 53, failure: 'SCHEMA_DRIFT' })
  for (const named of ['the file has no notes', 'servers.span has the type interval, which is not', 'no servers.more'])
    t.match(checked.events.at(-1)?.message, named)
  await server.run(whole, `DROP TABLE ${nameOf(url)}.notes`)
  const back = await copy(`sqlite:${newFile()}`, url)
  t.match(back, { exitCode: 53, failure: 'SCHEMA_DRIFT' })
  t.match(back.events.at(-1)?.message, 'the server has no table notes')
})

t.test('a table of another tool is made with the types, keys and defaults that the other database has', async t => {
  const file = makeFile('own', connection =>
    connection.exec(`CREATE TABLE levels (a REAL DEFAULT 0.5, b DATE DEFAULT CURRENT_DATE, c JSON, d UUID, e BOOLEAN DEFAULT TRUE, f TEXT DEFAULT (upper('x')));
      INSERT INTO levels (b, c, d) VALUES ('2026-01-18', '{"a": 1}', 'x')`),
  )
  const url = await makeSchema()
  t.match(await copy(url, `sqlite:${file}`, '--tables', 'levels'), { exitCode: 0 })
  const columns = `SELECT string_agg(concat_ws(' ', column_name, data_type, column_default), ', ' ORDER BY ordinal_position) AS are
    FROM information_schema.columns WHERE table_schema = '${nameOf(url)}' AND table_name = 'levels'`
  t.match(await server.run(whole, columns), [
    { are: 'a double precision 0.5, b date CURRENT_DATE, c text, d text, e boolean, f text' },
  ])
  await server.run(
    whole,
    `SET search_path = ${nameOf(url)}`,
    'CREATE TABLE logs (id bigserial PRIMARY KEY, r real, day date)',
    'INSERT INTO logs (r) VALUES (0.5), (0.25)',
  )
  const back = newFile()
  t.match(await copy(`sqlite:${back}`, url, '--tables', 'levels,logs'), { exitCode: 0 })
  t.match(await copy(url, `sqlite:${back}`, '--check', '--tables', 'levels,logs'), { exitCode: 0 })
  const connection = new Database(back)
  t.teardown(() => connection.close())
  const made = connection.prepare<[string], string>('SELECT sql FROM sqlite_schema WHERE name = ?').pluck()
  t.match(made.get('logs'), /"id" INTEGER PRIMARY KEY AUTOINCREMENT, "r" REAL, "day" DATE/)
  t.match(made.get('levels'), /"a" REAL, "b" DATE, "c" TEXT, "d" TEXT, "e" BOOLEAN, "f" TEXT\)/)
  t.match(connection.prepare('INSERT INTO logs (r) VALUES (1) RETURNING id').get(), { id: 3 })
})

t.test('a key of several columns is made in its own order, there and back', async t => {
  const file = makeFile('own', connection =>
    connection.exec(
      "CREATE TABLE pairs (b INTEGER NOT NULL, a TEXT NOT NULL, PRIMARY KEY (a, b)); INSERT INTO pairs VALUES (1, 'x')",
    ),
  )
  const url = await makeSchema()
  t.match(await copy(url, `sqlite:${file}`, '--tables', 'pairs'), { exitCode: 0 })
  t.match(
    await server.run(
      whole,
      `SELECT pg_get_constraintdef(oid) AS is FROM pg_constraint WHERE conrelid = '${nameOf(url)}.pairs'::regclass AND contype = 'p'`,
    ),
    [{ is: 'PRIMARY KEY (a, b)' }],
  )
  const back = newFile()
  t.match(await copy(`sqlite:${back}`, url, '--tables', 'pairs'), { exitCode: 0 })
  const connection = new Database(back)
  t.teardown(() => connection.close())
  t.match(
    connection.prepare("SELECT sql FROM sqlite_schema WHERE name = 'pairs'").pluck().get(),
    /PRIMARY KEY \("a", "b"\)/,
  )
})

t.test('a foreign key that a file cannot check is left to what the server has', async t => {
  const file = makeFile('own', connection =>
    connection.exec(
      "CREATE TABLE tags (name TEXT PRIMARY KEY, host TEXT REFERENCES servers (hostname)); INSERT INTO tags VALUES ('a', 'b')",
    ),
  )
  const url = await makeSchema()
  await copy(url, `sqlite:${file}`)
  await server.run(
    whole,
    `SET search_path = ${nameOf(url)}`,
    'CREATE TABLE tags (name text PRIMARY KEY, host text)',
    "INSERT INTO tags VALUES ('a', 'b')",
  )
  t.match(await copy(url, `sqlite:${file}`, '--check', '--tables', 'tags'), { exitCode: 0 })
})

t.test('tables of other tools are listed and left, or taken there and back', async t => {
  const file = makeFile('own', connection =>
    connection.exec(`CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY); INSERT INTO alembic_version VALUES ('2e6e20f4bc94');
      CREATE TABLE rules (id INTEGER PRIMARY KEY AUTOINCREMENT, server_id TEXT REFERENCES servers (id), name TEXT UNIQUE DEFAULT 'it''s', on_off BOOLEAN NOT NULL DEFAULT 1,
        at DATETIME DEFAULT CURRENT_TIMESTAMP, level NUMERIC DEFAULT 2.5, raw BLOB, any_);
      INSERT INTO rules (name, raw, any_) VALUES ('a', x'00ff', 'text'), ('b', NULL, NULL);
      CREATE VIRTUAL TABLE found USING fts5 (text)`),
  )
  const url = await makeSchema()
  t.match(await copy(url, `sqlite:${file}`, '--tables', 'rulez'), { exitCode: 2 })
  t.match(await copy(url, `sqlite:${file}`, '--tables', 'found'), { exitCode: 2 })
  const { events } = await copy(url, `sqlite:${file}`, '--tables', 'rules')
  t.match(events.find(({ event }) => event === 'copy.left')?.tables, ['alembic_version', 'found'])
  t.notOk((await tablesOf(url)).includes('alembic_version'))
  t.match(
    await server.run(
      whole,
      `SET search_path = ${nameOf(url)}`,
      'INSERT INTO rules DEFAULT VALUES RETURNING id, name, on_off, level',
    ),
    [{ id: '3', name: "it's", on_off: true, level: '2.5' }],
  )
  const back = newFile()
  t.match(await copy(`sqlite:${back}`, url, '--tables', 'rules'), {
    exitCode: 0,
    events: [{ event: 'copy.begins' }, {}, { tables: 5 }],
  })
  t.match(await copy(url, `sqlite:${back}`, '--check', '--tables', 'rules'), { exitCode: 0 })
})

t.test('a table that a migration parts by month is copied there and back', async t => {
  const parted = join(folder, 'parted')
  cpSync(migrations, parted, { recursive: true })
  writeFileSync(join(parted, '0005-part-metrics.js'), 'export const up = async () => undefined\n')
  writeFileSync(
    join(parted, '0005-part-metrics.postgres.sql'),
    `-- migrate:up
    ALTER TABLE metrics RENAME TO metrics_before;
    ALTER TABLE metrics_before DROP CONSTRAINT metrics_pkey, ADD PRIMARY KEY (id, timestamp), ALTER COLUMN id DROP IDENTITY;
    CREATE TABLE metrics (LIKE metrics_before, PRIMARY KEY (id, timestamp), FOREIGN KEY (server_id) REFERENCES servers)
      PARTITION BY RANGE (timestamp);
    ALTER TABLE metrics ATTACH PARTITION metrics_before FOR VALUES FROM (MINVALUE) TO ('2026-02-01Z');
    CREATE TABLE metrics_later PARTITION OF metrics DEFAULT;
    ALTER TABLE metrics ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY;`,
  )
  const settings = (url: string) => ({ ...settingsFor(url), MIGRATOR_MIGRATIONS: parted })
  const file = makeFile('own', connection =>
    connection.exec(`INSERT INTO servers (id, hostname) VALUES ('omv', 'omv.lan');
      INSERT INTO metrics (server_id, timestamp) VALUES ('omv', '2026-01-18 10:00:00'), ('omv', '2026-02-18 10:00:00')`),
  )
  t.match(await runProgram([], settings(`sqlite:${file}`)), { exitCode: 0 })
  const url = await makeSchema()
  t.match(await runProgram(['copy', '--from', `sqlite:${file}`], settings(url)), { exitCode: 0 })
  const counted = `SELECT (SELECT count(*)::int FROM ${nameOf(url)}.metrics_before) AS before, (SELECT count(*)::int FROM ${nameOf(url)}.metrics_later) AS later`
  t.strictSame(await server.run(whole, counted), [{ before: 1, later: 1 }])
  const back = `sqlite:${join(folder, 'parted-back.db')}`
  t.match(await runProgram(['copy', '--from', url], settings(back)), { exitCode: 0 })
  t.match(await runProgram(['copy', '--check', '--from', `sqlite:${file}`], settings(url)), { exitCode: 0 })
})

t.test('what makes no sense is refused before anything is written', async t => {
  const url = await makeSchema()
  const file = makeFile('own')
  const refused: readonly (readonly [string, string, string])[] = [
    [url, 'sqlite:/nowhere/homelab.db', 'CONFIG_INVALID'],
    [url, url, 'CONFIG_INVALID'],
    [`sqlite:${newFile()}`, `sqlite:${file}`, 'CONFIG_INVALID'],
    [url, 'mysql://localhost/hub', 'CONFIG_INVALID'],
    [`sqlite:${newFile()}`, 'postgres://127.0.0.1/hub', 'CONFIG_INVALID'],
    [`sqlite:${newFile()}`, url, 'CONFIG_INVALID'],
    [whole.replace(/test_\w+/, 'no_such_database'), `sqlite:${file}`, 'NO_SUCH_DATABASE'],
  ]
  for (const [to, from, code] of refused) t.equal((await copy(to, from)).failure, code, `${from} to ${to}`)
  t.match(await runProgram(['copy'], settingsFor(url)), { exitCode: 2 })
  const none = await copy(url, `sqlite:${file}`, '--tables', 'x')
  t.match(none.events.at(-1)?.message, '--tables: x is not a table of another tool: there is none')
  await server.run(whole, "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'")
  const latin = await copy(server.urlOf('latin'), `sqlite:${file}`)
  t.match(latin, { exitCode: 13, failure: 'SERVER_UNSUITABLE' })
  t.match(latin.events.at(-1)?.message, /the texts of .* are in LATIN1/)
  const behind = makeFile('own', connection => connection.exec("DELETE FROM SequelizeMeta WHERE name LIKE '0004%'"))
  t.match(await copy(url, `sqlite:${behind}`), { exitCode: 2 })
  const other = makeFile('own', connection => connection.exec('ALTER TABLE servers ADD COLUMN rack TEXT'))
  t.match(await copy(url, `sqlite:${other}`), {
    exitCode: 53,
    failure: 'SCHEMA_DRIFT',
    events: [{}, { message: /servers\.rack/ }],
  })
  await server.run(whole, `CREATE TABLE ${nameOf(url)}.there (x int)`)
  t.match(await copy(url, `sqlite:${file}`), { exitCode: 2 })
  await server.run(whole, 'CREATE ROLE stranger LOGIN')
  t.match(await copy(`${url.replace('postgres@', 'stranger@')}`, `sqlite:${file}`), {
    exitCode: 12,
    failure: 'PRIVILEGE_MISSING',
  })
  const full = await makeSchema()
  await copy(full, `sqlite:${file}`)
  await server.run(
    whole,
    `GRANT USAGE ON SCHEMA ${nameOf(full)} TO stranger`,
    `GRANT SELECT ON ${nameOf(full)}."SequelizeMeta" TO stranger`,
  )
  t.match(await copy(`sqlite:${newFile()}`, full.replace('postgres@', 'stranger@')), {
    exitCode: 12,
    failure: 'PRIVILEGE_MISSING',
  })
})

t.test(`kill -9 at ${kills} random instants leaves nothing in the target, and the source as it was`, async t => {
  const rows = long ? 60_000 : 10_000
  const file = makeFile('own', connection =>
    connection.exec(`INSERT INTO servers (id, hostname) VALUES ('omv', 'omv.lan');
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
      INSERT INTO metrics (server_id, timestamp, cpu_percent) SELECT 'omv', datetime('2026-01-01', '+' || i || ' minutes'), i / 7.0 FROM n`),
  )
  const before = stateOf(join(file, '..'))
  const full = await makeSchema()
  const figures: Record<string, number> = {}
  for (const way of ['there', 'back'] as const) {
    const run = (to: string) =>
      startProgram(['copy', '--from', way === 'there' ? `sqlite:${file}` : full], settingsFor(to))
    const start = performance.now()
    t.match(await run(way === 'there' ? full : `sqlite:${newFile()}`).outcome, { exitCode: 0 })
    const duration = performance.now() - start
    for (let round = 0; round < kills; round += 1) {
      const target = way === 'there' ? await makeSchema() : newFile()
      const { child, outcome } = run(way === 'there' ? target : `sqlite:${target}`)
      await setTimeout(Math.random() * duration)
      child.kill('SIGKILL')
      const { signal, exitCode } = await outcome
      const isThere = async () => (way === 'there' ? (await tablesOf(target)).length > 0 : existsSync(target))
      // killed after its last act, it is whole
      const end = signal === null ? 'done' : (await isThere()) ? 'whole' : 'nothing'
      figures[`${way}, ${end}`] = (figures[`${way}, ${end}`] ?? 0) + 1
      if (signal === null) t.equal(exitCode, 0)
      if (end !== 'nothing')
        t.match(
          await copy(
            way === 'there' ? target : `sqlite:${target}`,
            way === 'there' ? `sqlite:${file}` : full,
            '--check',
          ),
          { exitCode: 0 },
        )
      t.equal(stateOf(join(file, '..')), before)
      // the server ends what the killed process ran; a copy can then begin again
      if (end === 'nothing' && round % 10 === 0)
        t.match(await copy(way === 'there' ? target : `sqlite:${target}`, way === 'there' ? `sqlite:${file}` : full), {
          exitCode: 0,
        })
    }
  }
  t.comment(`kill -9 while ${rows} metrics are copied: ${JSON.stringify(figures)}`)
  t.ok((figures['there, nothing'] ?? 0) + (figures['back, nothing'] ?? 0) > 0)
})
