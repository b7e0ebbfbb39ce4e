/**
 * Other migration tools at the same work, each in its own way: two tables and an index in an empty SQLite file, and then the
 * same command again with nothing to do. `npm run bench` measures them in turns with us, and writes docs/performance.md.
 * npm's are installed into the temporary folder; Debian's (alembic, sqitch, sql-migrate, sqlite3) take part when they are there.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { childrenCpu, median } from './measure.ts'

export type Peer = Readonly<{
  name: string
  /** what it is built on, for the table */
  kind: 'us' | 'floor' | 'Node' | 'Python' | 'Perl' | 'Go' | 'C'
  words: readonly string[]
  /** relative to a folder of its own, which is where it runs */
  files?: Readonly<Record<string, string>>
  env?: Readonly<Record<string, string>>
}>

const npmPackages = [
  'better-sqlite3@13',
  'dbmate',
  'drizzle-orm',
  'knex',
  'kysely',
  'reflect-metadata',
  'sequelize@6',
  'sequelize-cli',
  'typeorm',
  'umzug@3',
]

const tables = [
  `CREATE TABLE servers (id TEXT PRIMARY KEY, hostname TEXT NOT NULL, display_name TEXT, ip_address TEXT,
    status TEXT DEFAULT 'unknown', os_distribution TEXT, os_version TEXT, kernel_version TEXT, architecture TEXT,
    tdp_watts INTEGER, last_seen TIMESTAMP, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)`,
  `CREATE TABLE metrics (id INTEGER PRIMARY KEY AUTOINCREMENT, server_id TEXT NOT NULL REFERENCES servers (id),
    timestamp TIMESTAMP NOT NULL, cpu_percent REAL, memory_percent REAL, memory_total_mb INTEGER, memory_used_mb INTEGER,
    disk_percent REAL, disk_total_gb REAL, disk_used_gb REAL, network_rx_bytes INTEGER, network_tx_bytes INTEGER, load_1m REAL,
    load_5m REAL, load_15m REAL, uptime_seconds INTEGER)`,
  'CREATE INDEX idx_metrics_server_timestamp ON metrics (server_id, timestamp)',
]
const sql = `${tables.join(';\n')};\n`
const inJavaScript = JSON.stringify(tables)

/** Installs packages of npm into a folder. */
export const install = (folder: string, packages: readonly string[]): void => {
  writeFileSync(join(folder, 'package.json'), '{"private":true}')
  const options = ['--no-audit', '--no-fund', '--force', '--ignore-scripts', '--loglevel=error']
  const { status, stderr } = spawnSync('npm', ['install', ...options, ...packages], {
    cwd: folder,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`npm install of the peers exited ${status}: ${stderr}`)
}

export const has = (command: string): boolean => spawnSync('which', [command]).status === 0

/** The folder of migrations that drizzle reads. @param version of its snapshots for this dialect */
export const drizzleFiles = (dialect: 'sqlite' | 'postgresql', version: string, tables: readonly string[]) => ({
  'drizzle/0000_create.sql': tables.join(';\n--> statement-breakpoint\n'),
  'drizzle/meta/_journal.json': JSON.stringify({
    version: '7',
    dialect,
    entries: [{ idx: 0, version, when: 1767225600000, tag: '0000_create', breakpoints: true }],
  }),
})

/** Writes the files of peers, each into a folder of its own. */
export const layOut = (folder: string, peers: readonly Peer[]): void => {
  for (const { name, files = {} } of peers) {
    mkdirSync(folderOf(folder, name), { recursive: true })
    for (const [file, text] of Object.entries(files)) {
      const path = join(folderOf(folder, name), file)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, text)
    }
  }
}

/** Installs what npm has, and gives the peers that can run here. `src` is our own, for a bridge that lets Sequelize run. */
export const installPeers = (folder: string, src: string): readonly Peer[] => {
  install(folder, npmPackages)
  const modules = join(folder, 'node_modules')
  const bridge = `const { createBridge } = require(${JSON.stringify(join(src, 'sqlite/bridge/sequelize.ts'))})
    const { createSession } = require(${JSON.stringify(join(src, 'sqlite/bridge/session.ts'))})
    const Database = require('better-sqlite3')
    const open = path => createSession(new Database(path), (_, execute) => execute(), true)
    const dialectModule = createBridge(open, String)`
  const node = process.execPath
  const fromDebian = (peer: Peer): readonly Peer[] => (has(String(peer.words[0])) ? [peer] : [])
  const peers: readonly Peer[] = [
    {
      name: 'dbmate',
      kind: 'Go',
      words: [join(modules, `@dbmate/linux-${process.arch}/bin/dbmate`), '--url=sqlite:x.db', '--no-dump-schema', 'up'],
      files: { 'db/migrations/20260101000000_create.sql': `-- migrate:up\n${sql}\n-- migrate:down\n` },
    },
    {
      name: 'drizzle',
      kind: 'Node',
      words: [node, 'migrate.mjs'],
      files: {
        ...drizzleFiles('sqlite', '6', tables),
        'migrate.mjs': `import Database from 'better-sqlite3'
          import { drizzle } from 'drizzle-orm/better-sqlite3'
          import { migrate } from 'drizzle-orm/better-sqlite3/migrator'
          migrate(drizzle({ client: new Database('x.db') }), { migrationsFolder: 'drizzle' })`,
      },
    },
    {
      name: 'kysely',
      kind: 'Node',
      words: [node, 'migrate.mjs'],
      files: {
        'migrate.mjs': `import Database from 'better-sqlite3'
          import { Kysely, SqliteDialect, sql } from 'kysely'
          import { Migrator } from 'kysely/migration'
          const db = new Kysely({ dialect: new SqliteDialect({ database: new Database('x.db') }) })
          const up = async db => { for (const text of ${inJavaScript}) await sql.raw(text).execute(db) }
          const { error } = await new Migrator({ db, provider: { getMigrations: async () => ({ '0001': { up } }) } }).migrateToLatest()
          if (error) throw error
          await db.destroy()`,
      },
    },
    {
      name: 'knex',
      kind: 'Node',
      words: [node, join(modules, 'knex/bin/cli.js'), 'migrate:latest'],
      files: {
        'knexfile.js': `module.exports = { client: 'better-sqlite3', connection: { filename: 'x.db' }, useNullAsDefault: true }`,
        'migrations/0001.js': `exports.up = async knex => { for (const text of ${inJavaScript}) await knex.raw(text) }
          exports.down = async () => undefined`,
      },
    },
    {
      name: 'typeorm',
      kind: 'Node',
      words: [node, 'migrate.cjs'],
      files: {
        'migrate.cjs': `require('reflect-metadata')
          const { DataSource } = require('typeorm')
          class Create1767225600000 {
            name = 'Create1767225600000'
            async up(runner) { for (const text of ${inJavaScript}) await runner.query(text) }
            async down() {}
          }
          const source = new DataSource({ type: 'better-sqlite3', database: 'x.db', migrations: [Create1767225600000] })
          source.initialize().then(() => source.runMigrations()).then(() => source.destroy())`,
      },
    },
    {
      name: 'Umzug, raw SQL',
      kind: 'Node',
      words: [node, 'migrate.cjs'],
      files: {
        'migrate.cjs': `const Database = require('better-sqlite3')
          const { Umzug, JSONStorage } = require('umzug')
          const db = new Database('x.db')
          new Umzug({
            migrations: [{ name: '0001', up: async () => db.transaction(() => { for (const text of ${inJavaScript}) db.exec(text) })() }],
            storage: new JSONStorage({ path: 'x.db-history.json' }),
            logger: undefined,
          }).up()`,
      },
    },
    {
      name: 'Umzug + Sequelize, plain',
      kind: 'Node',
      words: [node, 'migrate.cjs'],
      files: {
        'migrate.cjs': `${bridge}
          const { Sequelize } = require('sequelize')
          const { SequelizeStorage, Umzug } = require('umzug')
          const sequelize = new Sequelize({ dialect: 'sqlite', storage: 'x.db', logging: false, dialectModule })
          const up = async () => { for (const text of ${inJavaScript}) await sequelize.query(text) }
          new Umzug({ migrations: [{ name: '0001', up }], storage: new SequelizeStorage({ sequelize }), logger: undefined }).up()`,
      },
    },
    {
      name: 'sequelize-cli',
      kind: 'Node',
      words: [node, join(modules, 'sequelize-cli/lib/sequelize'), 'db:migrate'],
      files: {
        '.sequelizerc': `module.exports = { config: require('path').resolve('config.js') }`,
        'config.js': `${bridge}
          module.exports = { dialect: 'sqlite', storage: 'x.db', logging: false, dialectModule }`,
        'migrations/0001.js': `exports.up = async schema => { for (const text of ${inJavaScript}) await schema.sequelize.query(text) }`,
      },
    },
    ...fromDebian({
      name: 'sql-migrate',
      kind: 'Go',
      words: ['sql-migrate', 'up'],
      files: {
        'dbconfig.yml': 'development:\n  dialect: sqlite3\n  datasource: x.db\n  dir: migrations\n',
        'migrations/0001.sql': `-- +migrate Up\n${sql}`,
      },
    }),
    ...fromDebian({
      name: 'alembic',
      kind: 'Python',
      words: ['alembic', 'upgrade', 'head'],
      files: {
        'alembic.ini': '[alembic]\nscript_location = migrations\nsqlalchemy.url = sqlite:///x.db\n',
        'migrations/env.py': `from alembic import context
from sqlalchemy import create_engine
with create_engine(context.config.get_main_option("sqlalchemy.url")).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit() if hasattr(connection, "commit") else None
`,
        'migrations/versions/0001.py': `from alembic import op
revision = "0001"
down_revision = None
def upgrade():
    for text in ${JSON.stringify(tables)}:
        op.execute(text)
`,
      },
    }),
    ...fromDebian({
      name: 'sqitch',
      kind: 'Perl',
      words: [
        'sh',
        '-c',
        '[ -e sqitch.plan ] || { sqitch init bench --engine sqlite --target db:sqlite:x.db && sqitch add create -n create && cp create.sql deploy/create.sql; }; sqitch deploy',
      ],
      files: { 'create.sql': `BEGIN;\n${sql}COMMIT;\n` },
      env: { SQITCH_FULLNAME: 'bench', SQITCH_EMAIL: 'bench@localhost' },
    }).filter(() => has('sqitch')),
    ...fromDebian({
      name: 'sqlite3 < schema.sql',
      kind: 'floor',
      words: ['sqlite3', 'x.db', '.read schema.sql'],
      files: { 'schema.sql': sql },
    }),
  ]
  layOut(folder, peers)
  return peers
}

export type Sample = Readonly<{ wall: number; memory: number; cpu: number }>

/** One run: milliseconds, seconds of CPU, and kilobytes at the peak, as GNU time tells the last two. */
export const runPeer = (peer: Peer, folder: string): Sample => {
  const options = { cwd: folder, encoding: 'utf8', env: { PATH: process.env.PATH, HOME: folder, ...peer.env } } as const
  const start = performance.now()
  const before = childrenCpu()
  const { status, stderr } = spawnSync('/usr/bin/time', ['-q', '-f', '%M', ...peer.words], options)
  const wall = performance.now() - start
  if (status !== 0) throw new Error(`${peer.name} exited ${status}: ${stderr}`)
  const memory = Number(stderr.trim().split('\n').at(-1))
  return { wall, memory, cpu: childrenCpu() - before }
}

/** Medians; of CPU the mean, since it is told in hundredths of a second and what is cut off one run is told by the next. */
export const middle = (samples: readonly Sample[]): Sample => ({
  wall: median(samples.map(({ wall }) => wall)),
  memory: median(samples.map(({ memory }) => memory)),
  cpu: samples.reduce((sum, { cpu }) => sum + cpu, 0) / samples.length,
})

export const folderOf = (folder: string, name: string): string => join(folder, name.replaceAll(/[^\w]+/g, '-'))

/** `knex 3.1.0, ...`: what npm has installed. */
export const versionsOf = (folder: string, packages: readonly string[] = npmPackages): string =>
  packages
    .map(name => name.replace(/@\d+$/, ''))
    .filter(name => name !== 'reflect-metadata')
    .map(
      name => `${name} ${JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')).version}`,
    )
    .join(', ')
