import Database from 'better-sqlite3'
import fc from 'fast-check'
import t from 'tap'
import { compareSchemas } from '../../../src/sqlite/schema/compare.ts'
import { readAppSchema } from '../../../src/sqlite/schema/read.ts'

/** The findings that would refuse a database, for one that `sql` made, where the other is expected. */
const differences = (expected: string, sql: string): readonly string[] => {
  const [first, second] = [expected, sql].map(text => {
    const connection = new Database(':memory:')
    connection.exec(text)
    const schema = readAppSchema(connection)
    connection.close()
    return schema
  })
  if (first === undefined || second === undefined) throw new Error('two schemas')
  return compareSchemas(first, second, { adopted: true })
    .filter(({ weight }) => weight === 'difference')
    .map(({ object, what }) => `${object} ${what}`)
}

const expected = `CREATE TABLE servers (id TEXT PRIMARY KEY);
  CREATE TABLE alerts (id INTEGER PRIMARY KEY AUTOINCREMENT, server_id TEXT NOT NULL REFERENCES servers (id), is_on TINYINT(1) NOT NULL DEFAULT 1,
    level INTEGER NOT NULL DEFAULT 22, kind TEXT DEFAULT 'info', code TEXT UNIQUE, seen TIMESTAMP);
  CREATE INDEX by_server ON alerts (server_id)`

const names = ['id', 'server_id', 'is_on', 'level', 'kind', 'code', 'seen'] as const
type Column = (typeof names)[number]

/** Every way to write a column that keeps the same values. */
const spellings: Readonly<Record<Column, readonly string[]>> = {
  id: ['INTEGER PRIMARY KEY AUTOINCREMENT', 'integer not null primary key', 'Integer PRIMARY KEY ASC'],
  server_id: [
    'TEXT NOT NULL REFERENCES servers (id)',
    'varchar(100) NOT NULL REFERENCES "servers" ("id") ON DELETE CASCADE',
    'VARCHAR NOT NULL CONSTRAINT fk_server REFERENCES [SERVERS] DEFERRABLE INITIALLY DEFERRED',
  ],
  is_on: [
    'TINYINT(1) NOT NULL DEFAULT 1',
    'BOOLEAN NOT NULL DEFAULT true',
    "bool DEFAULT '1' NOT NULL",
    'BOOL NOT NULL DEFAULT (TRUE)',
    'INTEGER NOT NULL',
  ],
  level: [
    'INTEGER NOT NULL DEFAULT 22',
    "BIGINT NOT NULL DEFAULT '22'",
    'int not null default (22)',
    'INT NOT NULL DEFAULT +22',
    'INTEGER NOT NULL DEFAULT 22.0',
  ],
  kind: [
    "TEXT DEFAULT 'info'",
    'VARCHAR(20) DEFAULT "info"',
    "CLOB NOT NULL DEFAULT ('info')",
    "text CHECK (kind IN ('info', 'warning')) DEFAULT 'info'",
  ],
  code: ['TEXT UNIQUE', 'VARCHAR(9) CONSTRAINT u UNIQUE', 'TEXT'],
  seen: ['TIMESTAMP', 'DATETIME', 'datetime NULL', 'TEXT', 'NUMERIC'],
}

const named = (name: string, way: number): string =>
  [name, name.toUpperCase(), `"${name}"`, `\`${name}\``, `[${name}]`][way] ?? name
const ways = fc.nat(4)

const columnOf = (name: Column) =>
  fc
    .tuple(ways, fc.constantFrom(...spellings[name]))
    .map(([way, text]) => ({ name, text, sql: `${named(name, way)} ${text}` }))

type Spelled = Readonly<{
  columns: readonly Readonly<{ name: Column; text: string; sql: string }>[]
  table: number
  index: string
}>

const spelled: fc.Arbitrary<Spelled> = fc.record({
  columns: fc
    .tuple(...names.map(columnOf))
    .chain(columns => fc.shuffledSubarray(columns, { minLength: columns.length })),
  table: ways,
  index: fc.constantFrom(
    'by_server ON alerts (server_id)',
    '"BY_SERVER" ON "Alerts" ("server_id")',
    'ix_alerts ON alerts (server_id ASC)',
  ),
})

const toSql = ({ columns, table, index }: Spelled): string => {
  // a UNIQUE that is not in the table is an index
  const isUnique = columns.some(({ name, text }) => name === 'code' && text.includes('UNIQUE'))
  return `CREATE TABLE servers (id VARCHAR(100) NOT NULL PRIMARY KEY);
    CREATE TABLE ${named('alerts', table)} (${columns.map(({ sql }) => sql).join(', ')});
    CREATE INDEX ${index};
    ${isUnique ? '' : 'CREATE UNIQUE INDEX alerts_code ON alerts (code)'}`
}

/** What makes another table of it, and the finding that has to name it. */
const changes: readonly (readonly [column: Column, definition: string | undefined, told: string])[] = [
  ['level', 'level INTEGER NOT NULL DEFAULT 23', 'column alerts.level default'],
  ['level', 'level INTEGER DEFAULT 22', 'column alerts.level NULL'],
  ['level', 'level TEXT NOT NULL DEFAULT 22', 'column alerts.level affinity'],
  ['level', undefined, 'column alerts.level missing'],
  ['level', 'level INTEGER NOT NULL DEFAULT 22, more TEXT', 'column alerts.more extra'],
  ['is_on', 'is_on BOOLEAN NOT NULL DEFAULT false', 'column alerts.is_on default'],
  ['is_on', 'is_on TEXT NOT NULL DEFAULT 1', 'column alerts.is_on affinity'],
  ['kind', "kind TEXT DEFAULT 'Info'", 'column alerts.kind default'],
  ['kind', "kind TEXT DEFAULT 'info' COLLATE NOCASE", 'column alerts.kind collation'],
  ['kind', "kind TEXT DEFAULT 'info' CHECK (kind IN ('warning', 'critical'))", 'table alerts CHECK'],
  ['kind', "kind TEXT DEFAULT 'info' CHECK (kind <> 'x')", 'table alerts CHECK'],
  ['kind', "kind TEXT DEFAULT 'info' UNIQUE", 'unique alerts (kind) extra'],
  ['server_id', 'server_id TEXT NOT NULL', 'foreign key alerts (server_id) to servers (id) missing'],
  ['id', 'id TEXT PRIMARY KEY', 'column alerts.id affinity'],
  ['seen', 'seen REAL', 'column alerts.seen affinity'],
]

t.test('a table in any spelling that keeps the same values is adopted', async t => {
  fc.assert(
    fc.property(spelled, table => {
      t.strictSame(differences(expected, toSql(table)), [], toSql(table))
    }),
    { numRuns: 150 },
  )
})

t.test('a true difference is found in any spelling, and named by table and column', async t => {
  fc.assert(
    fc.property(spelled, fc.constantFrom(...changes), (table, [changed, definition, told]) => {
      const columns = table.columns.flatMap(column => {
        if (column.name !== changed) return [column]
        return definition === undefined ? [] : [{ ...column, sql: definition }]
      })
      const sql = toSql({ ...table, columns })
      const found = differences(expected, sql).map(text => text.toLowerCase())
      t.ok(found.includes(told.toLowerCase()), `${told}: ${found.join('; ')} in ${sql}`)
    }),
    { numRuns: 150 },
  )
})
