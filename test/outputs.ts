/**
 * What people and machines read, as it is: golden outputs of the real program in tap-snapshots/test/outputs.ts.test.cjs.
 * `npm run snap` writes them anew, for a diff that is looked at.
 */
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { alembicRows, alembicSql, makeDatabase } from './help/alembic.ts'
import { firstThree } from './help/first-three.ts'
import { mask } from './help/mask.ts'
import { runProgram, settingsFor } from './help/program.ts'

const migration = 'export const up = async () => {}'
const bad = "export const up = async () => { throw new Error('out of luck') }"
const hosts = `import { DataTypes } from 'sequelize'
export const up = async ({ context: schema }) => {
  await schema.createTable('hosts', { id: { type: DataTypes.INTEGER, primaryKey: true }, name: DataTypes.TEXT })
  await schema.bulkInsert('hosts', [{ id: 1, name: 'omv' }, { id: 2, name: 'nas' }])
}
export const down = async ({ context: schema }) => schema.dropTable('hosts')
`
const named = `export const up = async ({ context: schema }) => {
  await schema.sequelize.query("ALTER TABLE hosts ADD COLUMN seen TEXT DEFAULT 'never'")
  await schema.sequelize.query('CREATE UNIQUE INDEX hosts_name ON hosts (name)')
}
export const down = async ({ context: schema }) => schema.removeColumn('hosts', 'seen')
`
type Files = Readonly<Record<string, string>>

/** A volume and a folder of migrations, and a session there: what is typed, what is answered, and how it ended. */
const begin = (t: Pick<typeof import('tap').t, 'testdir'>, files: Files) => {
  const folder = t.testdir({ data: {}, migrations: files })
  const [data, migrations] = [join(folder, 'data'), join(folder, 'migrations')]
  const session: string[] = []
  const type = async (line: string, format: 'text' | 'json' = 'text'): Promise<void> => {
    const settings = settingsFor(data, { MIGRATOR_MIGRATIONS: migrations, MIGRATOR_LOG_FORMAT: format })
    const { exitCode, stdout, stderr } = await runProgram(line.split(' ').filter(Boolean), settings)
    session.push(`$ migrator ${line}`.trimEnd(), ...(stdout + stderr).split('\n').slice(0, -1), `=> ${exitCode}`, '')
  }
  const told = (): string => mask(session.join('\n'), { DATA: data, MIGRATIONS: migrations })
  return { data, migrations, type, told }
}

t.test('first run', async t => {
  const { data, type, told } = begin(t, { '0001-create-a.js': migration, '0002-create-b.js': migration })
  for (const line of ['status', 'wait --timeout 0', '', 'up', 'wait', 'status', 'status --json']) await type(line)
  await type('create create-c')
  await type('status --exit-code')
  mkdirSync(join(data, 'backups'))
  writeFileSync(join(data, 'backups/homelab--0001-create-a-20260118T100000Z.db'), 'x')
  await type('status')
  t.matchSnapshot(told(), 'text')
})

t.test('first run, as JSON lines', async t => {
  const { type, told } = begin(t, { '0001-create-a.js': migration })
  for (const line of ['', 'up', 'wait']) await type(line, 'json')
  t.matchSnapshot(told(), 'json')
})

t.test('a changed migration, and what is done about it', async t => {
  const { migrations, type, told } = begin(t, { '0001-create-a.js': migration })
  await type('up')
  writeFileSync(join(migrations, '0001-create-a.js'), `${migration}\n`)
  for (const line of ['up', 'status', 'repair 0001-crate-a', 'repair 0001-create-a', 'up']) await type(line)
  t.matchSnapshot(told(), 'text')
})

t.test('migrations that are written: tried out, linted, applied, looked at and taken back', async t => {
  const { type, told } = begin(t, { '0001-create-hosts.js': hosts, '0002-name-hosts.js': named })
  for (const line of ['plan', 'plan --sql', 'plan --json', 'lint', 'lint --json', 'up', 'verify', 'verify --json'])
    await type(line)
  for (const line of ['schema', 'schema --format json', 'schema --format mermaid', 'down', 'down --yes'])
    await type(line)
  t.matchSnapshot(told(), 'text')
})

t.test('backups: made, listed and put back', async t => {
  const { data, type, told } = begin(t, { '0001-create-hosts.js': hosts })
  for (const line of ['backups', 'backup', 'up', 'backup', 'backups', 'backups --json']) await type(line)
  await type('restore --latest')
  await type('restore --latest --yes')
  writeFileSync(join(data, 'homelab.db'), 'no database'.repeat(100))
  for (const line of ['up', 'restore --latest --yes', 'restore nothing.db --yes', 'up']) await type(line)
  t.matchSnapshot(told(), 'text')
})

t.test('a database that Alembic made is adopted', async t => {
  const { data, migrations, type, told } = begin(t, {})
  symlinkSync(firstThree, join(migrations, '../ours'))
  rmSync(migrations, { recursive: true })
  renameSync(join(migrations, '../ours'), migrations)
  makeDatabase(data, alembicSql + alembicRows)
  for (const line of ['status', 'up', 'adopt', 'adopt --json', 'adopt', 'up', 'verify']) await type(line)
  t.matchSnapshot(told(), 'text')
})

t.test('failures', async t => {
  for (const format of ['text', 'json'] as const) {
    const { data, migrations, type, told } = begin(t, { '0001-create-a.js': bad })
    for (const line of ['upp', 'status --jsn', 'create', 'create No', 'wait --timeout soon', 'up'])
      await type(line, format)
    writeFileSync(join(migrations, 'notes.md'), '')
    await type('up', format)
    rmSync(join(migrations, 'notes.md'))
    writeFileSync(join(data, 'homelab.db'), 'no database'.repeat(100))
    await type('up', format)
    t.matchSnapshot(told(), format)
  }
})
