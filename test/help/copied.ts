/** Databases with any value in them, for what is copied between a file and a server. */
import { copyFileSync, cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { alembicSql, makeDatabase } from './alembic.ts'
import { firstThree } from './first-three.ts'
import { runProgram } from './program.ts'

/** A migration of every type that is copied besides those of the first three; it makes a row, too, and turns a trigger on. */
const sql = {
  sqlite: `-- migrate:up
CREATE TABLE things (a TEXT NOT NULL, b INTEGER NOT NULL, flag BOOLEAN, doc JSON, raw BLOB, amount DECIMAL(10,2), day DATE,
  kind TEXT, short VARCHAR(5), ratio REAL, PRIMARY KEY (a, b));
CREATE TABLE notes (note TEXT, at TIMESTAMP, n INTEGER);
INSERT INTO notes (note) VALUES ('made by the migration');
CREATE INDEX idx_things_day ON things (day);
CREATE TRIGGER things_noted AFTER INSERT ON things BEGIN INSERT INTO notes (note) VALUES (new.a); END;
`,
  postgres: `-- migrate:up
CREATE TYPE kinds AS ENUM ('a', 'it''s');
CREATE TABLE things (a text NOT NULL, b integer NOT NULL, flag boolean, doc jsonb, raw bytea, amount numeric(10,2), day date,
  kind kinds, short varchar(5), ratio real, PRIMARY KEY (a, b));
CREATE TABLE notes (note text, at timestamptz CONSTRAINT of_this_age CHECK (at > '0002-01-01'), n bigint);
INSERT INTO notes (note) VALUES ('made by the migration');
CREATE INDEX idx_things_day ON things (day);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO notes (note) VALUES (new.a); RETURN new; END $$;
CREATE TRIGGER things_noted AFTER INSERT ON things FOR EACH ROW EXECUTE FUNCTION note();
`,
}

/** Makes the folder of migrations in a test's folder. */
export const makeMigrations = (folder: string): string => {
  const migrations = join(folder, 'migrations')
  cpSync(firstThree, migrations, { recursive: true })
  writeFileSync(join(migrations, '0004-create-things.sql'), sql.sqlite)
  writeFileSync(join(migrations, '0004-create-things.postgres.sql'), sql.postgres)
  return migrations
}

/** Makes a database by the migrations, and one by Alembic that was adopted. */
export const makeBases = async (folder: string, migrations: string) => {
  const files = { own: join(folder, 'own/homelab.db'), alembic: join(folder, 'alembic/homelab.db') }
  mkdirSync(join(folder, 'own'))
  mkdirSync(join(folder, 'alembic'))
  makeDatabase(join(folder, 'alembic'), alembicSql)
  for (const [name, words] of [
    ['own', []],
    ['alembic', ['adopt']],
    ['alembic', []],
  ] as const) {
    const settings = {
      DATABASE_URL: `sqlite:${files[name]}`,
      MIGRATOR_MIGRATIONS: migrations,
      MIGRATOR_REQUIRE_MOUNT: 'never',
    }
    const { exitCode, stderr } = await runProgram(words, settings)
    if (exitCode !== 0) throw new Error(`${words} of ${name} exited ${exitCode}: ${stderr}`)
  }
  return files
}

/** A value, how a statement writes it, and whether the server holds it in its column. */
export type Cell = Readonly<{ value: null | bigint | number | string | Buffer; by?: string; fits: boolean }>

const good = (...values: readonly Cell['value'][]): readonly Cell[] => values.map(value => ({ value, fits: true }))
const lies = (...values: readonly Cell['value'][]): readonly Cell[] => values.map(value => ({ value, fits: false }))
/** A text of any bytes. */
const bytes = (hex: string, fits: boolean): Cell => ({ value: Buffer.from(hex, 'hex'), by: 'CAST(? AS TEXT)', fits })

const most = 2n ** 63n - 1n
const texts = [
  ...good(
    '',
    'a',
    'tab\tand\nline\r\n',
    '\\',
    '\\N',
    '\\.',
    'NULL',
    'null',
    'é',
    '😀🏽',
    '\ufffd',
    '\ufeffx',
    "it's",
    '\u0001\u007f',
    '12',
    '1e5',
  ),
  ...[bytes('61ff', false), bytes('eda080', false), bytes('c080', false), bytes('610062', false), bytes('00', false)],
  ...[bytes('efbfbd', true), bytes('f09f9880', true), ...lies(Buffer.from('abc'), Buffer.alloc(0))],
]
const wholes = [
  ...good(0n, 1n, -1n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, most, -most - 1n, '12', 13),
  ...lies('abc', '', 12.5, 9.3e18, 1e308, Number.POSITIVE_INFINITY, Buffer.from('1'), '9223372036854775808'),
]
const fractions = [
  ...good(0, -0, 0.1, 1 / 3, 1e308, 5e-324, 1e21, 1e15, 123456789012345680, 1e-5, Number.POSITIVE_INFINITY, 13n, '2.5'),
  ...lies('abc', '', 'NaN', Buffer.from('1')),
]
const times = [
  ...good('2026-01-18 10:00:00', '2026-01-18T10:00:00Z', '2026-01-18 10:00:00.250', '2026-01-18 10:00:00.123456'),
  ...good(
    '2026-01-18 10:00:00.000 +00:00',
    '2026-01-18 10:00:00+02:00',
    '2026-01-18',
    '2026-01-18 10:00',
    '2024-02-29T23:59:59.5-05:30',
  ),
  ...good('9999-12-31 23:59:59', '2026-01-18 10:00:00.0000000'),
  ...lies(
    'now',
    '',
    'infinity',
    '2026-02-30 00:00:00',
    '2026-01-18 24:00:00',
    '2026-01-18 10:00:60',
    '2026-01-18 10:00:00.1234567',
  ),
  ...lies(
    12n,
    0.5,
    '18.1.2026',
    '0000-01-01 00:00:00',
    '0001-01-01 00:00:00+02:00',
    Buffer.from('2026-01-18 10:00:00'),
    '10:00:00',
    '2026-01-18 10:00:00 Europe',
  ),
]

const values: Readonly<Record<string, readonly Cell[]>> = {
  text: texts,
  whole: wholes,
  fraction: fractions,
  time: times,
  small: [...good(0n, 2n ** 31n - 1n, -(2n ** 31n)), ...lies(2n ** 31n, 'x', 0.5)],
  boolean: [...good(0n, 1n), ...lies(2n, -1n, 'true', 0.5)],
  json: [
    ...good('{"b": 1, "a": [1e3, "\\n"]}', '[]', '12', '1.50', 'null', '"x"', ' {} '),
    ...lies('{', '', "{'a': 1}", 'NaN', '"\\u0000"', Buffer.from('{}')),
  ],
  blob: [...good(Buffer.alloc(0), Buffer.from('00ff5c6e', 'hex')), ...lies('text', 5n, 0.5)],
  decimal: [
    ...good(12.5, 0.01, 99_999_999.99, -3n, 0n, '7.25'),
    ...lies(12.345, 123_456_789_012n, 'x', Number.POSITIVE_INFINITY),
  ],
  day: [...good('2026-01-18', '2024-02-29'), ...lies('2026-02-29', '18.1.2026', '2026-01-18 10:00:00', 20n)],
  label: [...good('a', "it's"), ...lies('z', '', 'A')],
  short: [...good('', 'abcde', 'ééééé', '😀😀😀😀😀'), ...lies('abcdef', 'abcd  ')],
  single: [...good(0.5, 13, Math.fround(0.1), 2 ** 100), ...lies(0.1, 'x', 1e300)],
}

const columns = {
  servers: {
    hostname: 'text',
    display_name: 'text',
    tdp_watts: 'small',
    last_seen: 'time',
    created_at: 'time',
    ip_address: 'text',
  },
  metrics: {
    timestamp: 'time',
    cpu_percent: 'fraction',
    load_1m: 'fraction',
    memory_total_mb: 'whole',
    network_rx_bytes: 'whole',
  },
  things: {
    ...{
      flag: 'boolean',
      doc: 'json',
      raw: 'blob',
      amount: 'decimal',
      day: 'day',
      kind: 'label',
      short: 'short',
      ratio: 'single',
    },
  },
  notes: { note: 'text', at: 'time', n: 'whole' },
} as const satisfies Readonly<Record<string, Readonly<Record<string, string>>>>
type TableName = keyof typeof columns

/** Alembic's tables want these. */
const required = ['hostname', 'timestamp', 'created_at', 'updated_at', 'status']

/** A row: the cells of some of its columns. */
type Row = Readonly<{ table: TableName; cells: Readonly<Record<string, Cell>> }>

/** @param isTrue no cell lies */
const rowOf = (table: TableName, isTrue: boolean): fc.Arbitrary<Row> => {
  const cellOf = (column: string, kind: string): fc.Arbitrary<Cell> => {
    const all = values[kind] ?? []
    const [fit, unfit] = [all.filter(({ fits }) => fits), all.filter(({ fits }) => !fits)]
    return fc.oneof(
      { arbitrary: fc.constantFrom(...fit), weight: 16 },
      ...(required.includes(column) ? [] : [{ arbitrary: fc.constant<Cell>({ value: null, fits: true }), weight: 4 }]),
      ...(isTrue ? [] : [{ arbitrary: fc.constantFrom(...unfit), weight: 1 }]),
    )
  }
  const cells = Object.fromEntries(Object.entries(columns[table]).map(([name, kind]) => [name, cellOf(name, kind)]))
  return fc.record(cells).map(cells => ({ table, cells }))
}

export type RandomDatabase = Readonly<{
  base: 'own' | 'alembic'
  journal: 'wal' | 'delete'
  rows: readonly Row[]
  /** as many of the last metrics are deleted again */
  deleted: number
}>

/** Databases of which about a half have values that do not fit. */
export const databases: fc.Arbitrary<RandomDatabase> = fc.boolean().chain(isTrue => {
  const tables = Object.keys(columns) as TableName[]
  return fc.record({
    base: fc.constantFrom('own', 'own', 'alembic'),
    journal: fc.constantFrom('wal', 'delete'),
    rows: fc.array(fc.oneof(...tables.map(table => rowOf(table, isTrue))), { minLength: 1, maxLength: 40 }),
    deleted: fc.nat({ max: 3 }),
  })
})

/** Makes the file. @returns columns with a value that does not fit, such as `servers.hostname` */
export const fill = (
  file: string,
  bases: Readonly<Record<string, string>>,
  database: RandomDatabase,
): ReadonlySet<string> => {
  copyFileSync(String(bases[database.base]), file)
  const connection = new Database(file)
  connection.pragma(`journal_mode = ${database.journal}`)
  const wrong = new Set<string>()
  const insert = (table: string, cells: Readonly<Record<string, Cell>>): void => {
    const entries = Object.entries(cells)
    const places = entries.map(([, { by = '?' }]) => by)
    connection
      .prepare(`INSERT INTO ${table} (${entries.map(([name]) => name).join(', ')}) VALUES (${places.join(', ')})`)
      .run(entries.map(([, { value }]) => value))
    for (const [name, { fits }] of entries) if (!fits) wrong.add(`${table}.${name}`)
  }
  const fixed = (value: Cell['value']): Cell => ({ value, fits: true })
  const now = fixed('2026-01-18 10:00:00')
  const more = { status: fixed('online'), updated_at: now }
  insert('servers', { id: fixed('omv'), hostname: fixed('omv.lan'), created_at: now, ...more })
  for (const [index, { table, cells }] of database.rows.entries()) {
    if (table === 'servers') insert(table, { id: fixed(`server ${index} \\ é`), ...more, ...cells })
    else if (table === 'metrics') insert(table, { server_id: fixed('omv'), ...cells })
    else if (table === 'things')
      insert(table, { a: fixed(['x', 'é', '😀', 'X '][index % 4] ?? ''), b: fixed(BigInt(index)), ...cells })
    else insert(table, cells)
  }
  const last = connection.prepare('SELECT id FROM metrics ORDER BY id DESC LIMIT ?').pluck().all(database.deleted)
  for (const id of last) connection.prepare('DELETE FROM metrics WHERE id = ?').run(id)
  connection.close()
  // what was deleted lies no more
  return last.length === 0
    ? wrong
    : new Set([...wrong].filter(place => !place.startsWith('metrics.') || liesStill(file, place)))
}

/** Whether a column of metrics has one of the values that do not fit. */
const liesStill = (file: string, place: string): boolean => {
  const column = place.replace('metrics.', '')
  const kind = Object.entries(columns.metrics).find(([name]) => name === column)?.[1] ?? ''
  const connection = new Database(file)
  try {
    return (values[kind] ?? [])
      .filter(({ fits }) => !fits)
      .some(
        ({ value }) =>
          connection.prepare(`SELECT 1 FROM metrics WHERE ${column} IS ? LIMIT 1`).get(value) !== undefined,
      )
  } finally {
    connection.close()
  }
}

/** Microseconds since 1970 of a time in any of the forms above. */
const instantOf = (text: string): string => {
  const [, day = '', time = '00:00', fraction = '', offset = 'Z'] =
    /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d)?))?(?:\.(\d+))?(?: ?(Z|[+-]\d\d:\d\d))?$/.exec(text) ?? []
  return `${Date.parse(`${day}T${time}${offset}`) / 1000} ${fraction.padEnd(6, '0').slice(0, 6)}`
}

/** All rows of a file, in one order: times as instants, JSON as what it means. */
export const contents = (file: string, tables: readonly string[]): unknown => {
  const connection = new Database(file, { readonly: true })
  try {
    const read = (table: string) => {
      const names = connection.prepare('SELECT name FROM pragma_table_info(?)').pluck().all(table) as string[]
      const cells = names.sort().flatMap(name => [`typeof(${name})`, name])
      const rows = connection
        .prepare(`SELECT ${cells.join(', ')} FROM ${table}`)
        .raw()
        .safeIntegers()
        .all() as unknown[][]
      return rows
        .map(row => names.map((name, index) => shown(name, row[index * 2], row[index * 2 + 1])).join(', '))
        .sort()
    }
    // a file without AUTOINCREMENT remembers no numbers
    const remembers = connection.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'").get()
    const sequence = remembers && connection.prepare('SELECT name, seq FROM sqlite_sequence ORDER BY name').all()
    return { sequence, ...Object.fromEntries(tables.map(table => [table, read(table)])) }
  } finally {
    connection.close()
  }
}

const shown = (name: string, type: unknown, value: unknown): string => {
  if (value === null) return `${name} NULL`
  if (/^(?:timestamp|last_seen|at|created_at|updated_at)$/.test(name)) return `${name} ${instantOf(String(value))}`
  if (name === 'doc') return `doc ${JSON.stringify(JSON.parse(String(value)), sorted)}`
  return `${name} ${type} ${Buffer.isBuffer(value) ? value.toString('hex') : JSON.stringify(Object.is(value, -0) ? '-0' : String(value))}`
}

const sorted = (_: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value
