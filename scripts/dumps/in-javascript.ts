import { join } from 'node:path'
import { index, lines, optional, severities } from './hub.ts'
import type { Project } from './projects.ts'

const quotedSeverities = severities.map(name => `'${name}'`).join(', ')
const driver = join(import.meta.dirname, '../sequelize-suite/sqlite3.ts')

const knex = `
exports.up = async knex => {
  await knex.schema.createTable('servers', t => {
    t.text('id').primary()
    t.text('hostname').notNullable()
${lines(optional.servers, name => `    t.string('${name}')`)}
    t.string('status').defaultTo('unknown')
${lines(optional.system, name => `    t.string('${name}')`)}
    t.integer('tdp_watts')
    t.timestamp('last_seen')
    t.timestamp('created_at').defaultTo(knex.fn.now())
    t.timestamp('updated_at').defaultTo(knex.fn.now())
  })
  await knex.schema.createTable('metrics', t => {
    t.increments('id')
    t.text('server_id').notNullable().references('servers.id')
    t.timestamp('timestamp').notNullable()
${lines(optional.reals, name => `    t.float('${name}')`)}
${lines(optional.integers, name => `    t.bigInteger('${name}')`)}
    t.index(['server_id', 'timestamp'], '${index}')
  })
  await knex.schema.createTable('alerts', t => {
    t.increments('id')
    t.text('server_id').notNullable().references('servers.id')
    t.boolean('is_enabled').notNullable().defaultTo(true)
    t.integer('threshold').notNullable().defaultTo(22)
    t.enu('severity', [${quotedSeverities}]).notNullable().defaultTo('info')
  })
}
exports.down = async () => undefined
`

const sequelize = `
module.exports = {
  up: async (queryInterface, { TEXT, STRING, INTEGER, BIGINT, DOUBLE, DATE, BOOLEAN, ENUM, literal }) => {
    const now = literal('CURRENT_TIMESTAMP')
    const server = { type: TEXT, allowNull: false, references: { model: 'servers', key: 'id' } }
    await queryInterface.createTable('servers', {
      id: { type: TEXT, primaryKey: true },
      hostname: { type: STRING, allowNull: false },
${lines(optional.servers, name => `      ${name}: STRING,`)}
      status: { type: STRING, defaultValue: 'unknown' },
${lines(optional.system, name => `      ${name}: STRING,`)}
      tdp_watts: INTEGER,
      last_seen: DATE,
      created_at: { type: DATE, defaultValue: now },
      updated_at: { type: DATE, defaultValue: now },
    })
    await queryInterface.createTable('metrics', {
      id: { type: INTEGER, primaryKey: true, autoIncrement: true },
      server_id: server,
      timestamp: { type: DATE, allowNull: false },
${lines(optional.reals, name => `      ${name}: DOUBLE,`)}
${lines(optional.integers, name => `      ${name}: BIGINT,`)}
    })
    await queryInterface.addIndex('metrics', ['server_id', 'timestamp'], { name: '${index}' })
    await queryInterface.createTable('alerts', {
      id: { type: INTEGER, primaryKey: true, autoIncrement: true },
      server_id: server,
      is_enabled: { type: BOOLEAN, allowNull: false, defaultValue: true },
      threshold: { type: INTEGER, allowNull: false, defaultValue: 22 },
      severity: { type: ENUM(${quotedSeverities}), allowNull: false, defaultValue: 'info' },
    })
  },
}
`

const prisma = `datasource db {
  provider = "sqlite"
  url      = "file:./hub.db"
}

enum Severity {
  ${severities.join('\n  ')}
}

model servers {
  id         String    @id
  hostname   String
${lines(optional.servers, name => `  ${name} String?`)}
  status     String?   @default("unknown")
${lines(optional.system, name => `  ${name} String?`)}
  tdp_watts  Int?
  last_seen  DateTime?
  created_at DateTime? @default(now())
  updated_at DateTime? @default(now())
  metrics    metrics[]
  alerts     alerts[]
}

model metrics {
  id        Int      @id @default(autoincrement())
  server_id String
  server    servers  @relation(fields: [server_id], references: [id])
  timestamp DateTime
${lines(optional.reals, name => `  ${name} Float?`)}
${lines(optional.integers, name => `  ${name} BigInt?`)}

  @@index([server_id, timestamp], map: "${index}")
}

model alerts {
  id         Int      @id @default(autoincrement())
  server_id  String
  server     servers  @relation(fields: [server_id], references: [id])
  is_enabled Boolean  @default(true)
  threshold  Int      @default(22)
  severity   Severity @default(info)
}
`

const drizzle = `import { sql } from 'drizzle-orm'
import { index, integer, real, sqliteTable, text } from 'drizzle-orm/sqlite-core'

export const servers = sqliteTable('servers', {
  id: text().primaryKey(),
  hostname: text().notNull(),
${lines(optional.servers, name => `  ${name}: text(),`)}
  status: text().default('unknown'),
${lines(optional.system, name => `  ${name}: text(),`)}
  tdp_watts: integer(),
  last_seen: text(),
  created_at: text().default(sql\`CURRENT_TIMESTAMP\`),
  updated_at: text().default(sql\`(CURRENT_TIMESTAMP)\`),
})

export const metrics = sqliteTable('metrics', {
  id: integer().primaryKey({ autoIncrement: true }),
  server_id: text().notNull().references(() => servers.id),
  timestamp: text().notNull(),
${lines(optional.reals, name => `  ${name}: real(),`)}
${lines(optional.integers, name => `  ${name}: integer(),`)}
}, table => [index('${index}').on(table.server_id, table.timestamp)])

export const alerts = sqliteTable('alerts', {
  id: integer().primaryKey({ autoIncrement: true }),
  server_id: text().notNull().references(() => servers.id),
  is_enabled: integer({ mode: 'boolean' }).notNull().default(true),
  threshold: integer().notNull().default(22),
  severity: text({ enum: [${quotedSeverities}] }).notNull().default('info'),
})
`

const typeorm = `require('reflect-metadata')
const { DataSource, EntitySchema } = require('typeorm')
const optional = (names, type) => Object.fromEntries(names.map(name => [name, { type, nullable: true }]))
const server = { type: 'varchar' }
const relation = { server: { type: 'many-to-one', target: 'servers', joinColumn: { name: 'server_id' }, nullable: false } }
const id = { type: 'integer', primary: true, generated: true }
const servers = new EntitySchema({
  name: 'servers',
  columns: {
    id: { type: 'varchar', primary: true },
    hostname: { type: 'varchar' },
    ...optional(${JSON.stringify([...optional.servers, ...optional.system])}, 'varchar'),
    status: { type: 'varchar', nullable: true, default: 'unknown' },
    ...optional(['tdp_watts'], 'integer'),
    ...optional(['last_seen'], 'datetime'),
    created_at: { type: 'datetime', nullable: true, default: () => 'CURRENT_TIMESTAMP' },
    updated_at: { type: 'datetime', nullable: true, default: () => 'CURRENT_TIMESTAMP' },
  },
})
const metrics = new EntitySchema({
  name: 'metrics',
  columns: {
    id,
    server_id: server,
    timestamp: { type: 'datetime' },
    ...optional(${JSON.stringify(optional.reals)}, 'real'),
    ...optional(${JSON.stringify(optional.integers)}, 'bigint'),
  },
  relations: relation,
  indices: [{ name: '${index}', columns: ['server_id', 'timestamp'] }],
})
const alerts = new EntitySchema({
  name: 'alerts',
  columns: {
    id,
    server_id: server,
    is_enabled: { type: 'boolean', default: true },
    threshold: { type: 'integer', default: 22 },
    severity: { type: 'simple-enum', enum: [${quotedSeverities}], default: 'info' },
  },
  relations: relation,
})
module.exports.source = new DataSource({
  type: 'better-sqlite3',
  database: 'hub.db',
  entities: [servers, metrics, alerts],
  migrations: ['migrations/*.js'],
})
`

const sqlite = 'better-sqlite3@13'
const prismaMigration = 'migrations/20260101000000_create_hub/migration.sql'
const prismaCommand = ['env', 'PRISMA_QUERY_ENGINE_LIBRARY=none', 'PRISMA_SCHEMA_ENGINE_BINARY=none', 'prisma'] as const

export const inJavaScript: readonly Project[] = [
  {
    tool: 'knex',
    from: { npm: ['knex', sqlite] },
    commands: [['knex', 'migrate:latest']],
    files: {
      'knexfile.js': `module.exports = { client: 'better-sqlite3', connection: { filename: 'hub.db' }, useNullAsDefault: true }`,
      'migrations/20260101000000_create_hub.js': knex,
    },
  },
  {
    tool: 'sequelize-cli',
    from: { npm: ['sequelize@6', 'sequelize-cli'] },
    commands: [['sequelize-cli', 'db:migrate']],
    files: {
      '.sequelizerc': `module.exports = { config: require('path').resolve('config.js') }`,
      // the package sqlite3 has to be compiled; what it would do is done by the bridge, which Sequelize's own tests hold to it
      'config.js': `module.exports = { dialect: 'sqlite', storage: 'hub.db', dialectModule: require(${JSON.stringify(driver)}) }`,
      'migrations/20260101000000-create-hub.js': sequelize,
    },
  },
  {
    tool: 'prisma',
    // the engine that is in the package (WebAssembly), instead of those that are downloaded at the installation
    from: { npm: ['prisma@6', '@prisma/adapter-better-sqlite3@6'] },
    commands: [
      [
        ...prismaCommand,
        'migrate',
        'diff',
        '--from-empty',
        '--to-schema-datamodel=schema.prisma',
        '--script',
        `--output=${prismaMigration}`,
      ],
      [...prismaCommand, 'migrate', 'deploy'],
    ],
    files: {
      'schema.prisma': prisma,
      // a file there stands for an engine that need not be downloaded
      none: '',
      'migrations/migration_lock.toml': 'provider = "sqlite"\n',
      [prismaMigration]: '',
      'prisma.config.ts': `import { PrismaBetterSQLite3 } from '@prisma/adapter-better-sqlite3'
        const adapter = async () => new PrismaBetterSQLite3({ url: 'file:./hub.db' })
        export default { schema: 'schema.prisma', experimental: { adapter: true }, engine: 'js', adapter }`,
    },
  },
  {
    tool: 'drizzle',
    from: { npm: ['drizzle-kit', 'drizzle-orm', sqlite] },
    commands: [
      ['drizzle-kit', 'generate'],
      ['drizzle-kit', 'migrate'],
    ],
    files: {
      'schema.ts': drizzle,
      'drizzle.config.ts': `export default { dialect: 'sqlite', schema: './schema.ts', out: './drizzle', dbCredentials: { url: 'hub.db' } }`,
    },
  },
  {
    tool: 'typeorm',
    from: { npm: ['typeorm', 'reflect-metadata', sqlite] },
    commands: [
      ['typeorm', 'migration:generate', '-o', '-d', 'source.js', 'migrations/create-hub'],
      ['typeorm', 'migration:run', '-d', 'source.js'],
    ],
    files: { 'source.js': typeorm },
  },
]
