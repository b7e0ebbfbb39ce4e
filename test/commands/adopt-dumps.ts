import { cpSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { makeDatabase } from '../help/alembic.ts'
import { root, runProgram, settingsFor } from '../help/program.ts'

const dumps = join(root, 'test/dumps')
const tools = readdirSync(dumps).map(file => file.replace('.sql', ''))

/** 0003, as the hub would have it: what every tool of test/dumps made besides 0001 and 0002. */
const createAlerts = `import { DataTypes } from 'sequelize'
export const up = async ({ context: schema }) => {
  await schema.createTable('alerts', {
    id: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
    server_id: { type: DataTypes.TEXT, allowNull: false, references: { model: 'servers', key: 'id' } },
    is_enabled: { type: DataTypes.BOOLEAN, allowNull: false, defaultValue: true },
    threshold: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 22 },
    severity: { type: DataTypes.ENUM('info', 'warning', 'critical'), allowNull: false, defaultValue: 'info' },
  })
}
`

const rows = `INSERT INTO servers (id, hostname, created_at, updated_at) VALUES ('omv', 'omv.lan', '2026-01-18', '2026-01-18');
  INSERT INTO metrics (server_id, timestamp, cpu_percent) VALUES ('omv', '2026-01-18', 12.5);
  INSERT INTO alerts (server_id, is_enabled, threshold, severity) VALUES ('omv', 1, 22, 'warning');`

/** A volume with what a tool made, and the migrations 0001, 0002, 0003-create-alerts and 0004-add-os-info. */
const prepare = (t: Pick<Test, 'testdir'>, tool: string, more = '') => {
  const folder = t.testdir({ data: {}, migrations: { '0003-create-alerts.js': createAlerts } })
  const migrations = join(folder, 'migrations')
  for (const [from, to] of [
    ['0001-create-servers.ts', '0001-create-servers.ts'],
    ['0002-create-metrics.ts', '0002-create-metrics.ts'],
    ['0003-add-os-info.ts', '0004-add-os-info.ts'],
  ] as const)
    cpSync(join(root, 'migrations', from), join(migrations, to))
  const sql = readFileSync(join(dumps, `${tool}.sql`), 'utf8')
  const file = makeDatabase(join(folder, 'data'), `${sql}\n${rows}\n${more}`)
  return { file, settings: settingsFor(join(folder, 'data'), { MIGRATOR_MIGRATIONS: migrations }) }
}

/** Every row of every table but our history, without the column that 0004 adds. */
const rowsOf = (file: string): unknown => {
  const connection = new Database(file, { readonly: true })
  const tables = connection
    .prepare<[], string>(
      `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('SequelizeMeta', 'sqlite_sequence') ORDER BY name`,
    )
    .pluck()
    .all()
  const found = tables.map(name => {
    const all = connection.prepare<[], { os_info?: string }>(`SELECT * FROM "${name}"`).all()
    return [name, all.map(({ os_info, ...row }) => row)]
  })
  connection.close()
  return found
}

t.test('each of these tools has a dump', async t => {
  const all =
    'alembic alembic-batch dbmate django drizzle flyway golang-migrate goose knex prisma sequelize-cli typeorm'
  t.equal(tools.toSorted().join(' '), all)
})

for (const tool of tools) {
  t.test(`what ${tool} made is adopted where it is, up goes on, every row stays, and verify finds nothing`, async t => {
    const { file, settings } = prepare(t, tool)
    const before = rowsOf(file)
    const adopted = await runProgram(['adopt'], settings)
    t.match(adopted, { exitCode: 0, events: [{ event: 'adopt.done', schema: '0003-create-alerts' }] }, adopted.stderr)
    t.match(await runProgram([], settings), {
      exitCode: 0,
      events: [{ event: 'backup.made' }, { name: '0004-add-os-info' }, { event: 'up.done' }],
    })
    t.match(await runProgram(['verify'], settings), { exitCode: 0, stdout: /: sound\n/ })
    t.strictSame(rowsOf(file), before)
  })
}

const edit = (from: string, to: string): string =>
  `PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, '${from}', '${to}') WHERE name = 'alerts'`

for (const [tool, change, told] of [
  ['knex', 'ALTER TABLE alerts DROP COLUMN threshold', 'column alerts.threshold missing: expected INTEGER'],
  ['drizzle', 'ALTER TABLE servers ADD COLUMN rack TEXT', 'column servers.rack extra: TEXT'],
  ['dbmate', edit('default 22', 'default 23'), 'column alerts.threshold default: expected 22, found 23'],
  ['typeorm', edit("(''info''", "(''debug''"), 'table alerts CHECK: "severity" IN'],
] as const) {
  t.test(`what differs truly from ${tool}'s is refused by one line that names it: ${told}`, async t => {
    const { file, settings } = prepare(t, tool, change)
    const before = readFileSync(file)
    const { exitCode, failure, events } = await runProgram(['adopt'], settings)
    t.match({ exitCode, failure }, { exitCode: 50, failure: 'HISTORY_CONFLICT' })
    t.equal(events.length, 1)
    t.ok(String(events[0]?.message).includes(told), String(events[0]?.message))
    t.ok(readFileSync(file).equals(before))
  })
}

t.test(
  'a table that a later migration makes in the same form is no reason to refuse: up goes to it, and adopt takes it',
  async t => {
    const folder = t.testdir({ data: {}, migrations: { '0004-create-alerts.js': createAlerts } })
    const migrations = join(folder, 'migrations')
    for (const name of ['0001-create-servers.ts', '0002-create-metrics.ts', '0003-add-os-info.ts'])
      cpSync(join(root, 'migrations', name), join(migrations, name))
    makeDatabase(join(folder, 'data'), `${readFileSync(join(dumps, 'knex.sql'), 'utf8')}\n${rows}`)
    const settings = settingsFor(join(folder, 'data'), { MIGRATOR_MIGRATIONS: migrations })
    t.match(await runProgram(['adopt'], settings), {
      exitCode: 0,
      events: [
        {
          schema: '0002-create-metrics',
          message: /run `migrator up --to 0003-add-os-info`, then `migrator adopt` again$/,
        },
      ],
    })
    t.match(await runProgram(['up', '--to', '0003-add-os-info'], settings), { exitCode: 0 })
    t.match(await runProgram(['adopt'], settings), {
      exitCode: 0,
      events: [{ schema: '0004-create-alerts', recorded: ['0004-create-alerts'], message: /run `migrator up`$/ }],
    })
    t.match(await runProgram([], settings), { exitCode: 0 })
    t.match(await runProgram(['verify'], settings), { exitCode: 0, stdout: /: sound\n/ })
  },
)
