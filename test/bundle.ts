/** Umzug, Sequelize and the commands as scripts/bundle.ts makes them for the image. */
import { spawnSync } from 'node:child_process'
import { cpSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { alembicSql, makeDatabase } from './help/alembic.ts'
import { makeBundle } from './help/bundled.ts'
import { firstThree } from './help/first-three.ts'
import { dump, readJson, root, runProgram, settingsFor } from './help/program.ts'

const folder = t.testdir({ migrations: {}, data: {}, plain: {}, theirs: {} })
const main = makeBundle(folder)

const migrations = join(folder, 'migrations')
cpSync(firstThree, migrations, { recursive: true })
const settings = settingsFor(join(folder, 'data'), { MIGRATOR_MIGRATIONS: migrations, MIGRATOR_LOG_FORMAT: 'json' })

const bundledWith = (more: Readonly<Record<string, string>>, ...words: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...words], {
    env: { ...process.env, ...settings, ...more },
    encoding: 'utf8',
  })
  return { exitCode: status, stdout, stderr }
}
const bundled = (...words: readonly string[]) => bundledWith({}, ...words)

const editor = `import { DataTypes, Op, Sequelize } from 'sequelize'
  import Default from 'sequelize'
  export const up = async ({ context: schema }) => {
    if (!(schema.sequelize instanceof Sequelize) || Default !== Sequelize) throw new Error('it is another copy of Sequelize')
    await schema.addColumn('servers', 'room', { type: DataTypes.STRING(20), validate: { isEmail: true } })
    await schema.changeColumn('servers', 'room', { type: DataTypes.TEXT, defaultValue: 'attic' })
    await schema.addConstraint('servers', { type: 'check', name: 'rooms', fields: ['room'], where: { room: { [Op.ne]: '' } } })
    await schema.bulkInsert('servers', [{ id: 'a', hostname: 'a.lan', created_at: new Date(0) }])
    await schema.backfill('UPDATE servers SET status = room WHERE rowid BETWEEN $first AND $last', { table: 'servers' })
    const Room = schema.sequelize.define('Room', { mail: { type: DataTypes.TEXT, validate: { isEmail: true } } })
    const refused = await Room.build({ mail: 'none' }).validate().then(() => false, () => true)
    if (!refused) throw new Error('the validators of models are gone')
  }`

t.test('the first run, the next one, and the commands do what the sources do', async t => {
  t.match(bundled(), { exitCode: 0, stderr: /"applied":3/ })
  t.match(bundled(), { exitCode: 0, stderr: /up\.nothing/ })
  t.match(await runProgram([], settingsFor(join(folder, 'plain'))), { exitCode: 0 })
  const schemaIn = (data: string) => {
    const connection = new Database(join(folder, data, 'homelab.db'), { readonly: true })
    const rows = connection.prepare('SELECT sql FROM sqlite_schema ORDER BY name').all()
    connection.close()
    return rows
  }
  t.strictSame(schemaIn('data'), schemaIn('plain'))
  t.match(bundled('status'), { exitCode: 0, stdout: /0 pending, ready/ })
  t.match(bundled('verify'), { exitCode: 0, stdout: /at 0003-add-os-info: sound/ })
  t.match(bundled('schema'), { exitCode: 0, stdout: /CREATE TABLE `servers`/ })
  t.match(bundled('--version'), { stdout: `${readJson(join(root, 'package.json')).version}\n` })
  t.match(bundled('--help'), { stdout: /status/ })
})

t.test('a helper process of the bundle checks, copies and restores', async t => {
  const { exitCode, stdout } = bundled('backup')
  t.equal(exitCode, 0)
  t.equal(dump(stdout.trim()), dump(join(folder, 'data/homelab.db')))
  t.match(bundled('backups'), { exitCode: 0, stdout: /0003-add-os-info/ })
  t.match(bundled('restore', '--latest', '--yes'), { exitCode: 0, stderr: /restore\.done/ })
})

t.test('it adopts a database of another tool, and brings it up', async t => {
  makeDatabase(join(folder, 'theirs'), alembicSql)
  const theirs = settingsFor(join(folder, 'theirs'))
  t.match(bundledWith(theirs, 'adopt'), {
    exitCode: 0,
    stdout: /made by Alembic 2e6e20f4bc94, is at 0002-create-metrics/,
  })
  t.match(bundledWith(theirs), { exitCode: 0, stderr: /"applied":1/ })
})

t.test('a marker that the bundle wrote is true for the sources', async t => {
  const { exitCode, events } = await runProgram([], settings)
  t.equal(exitCode, 0)
  t.match(events, [{ event: 'up.nothing' }])
})

t.test('a migration gets the copy of Sequelize that the bundle uses, with editor, models and validators', async t => {
  writeFileSync(join(migrations, '0004-try-editor.js'), editor)
  t.match(bundled(), { exitCode: 0, stderr: /"applied":1/ })
  const connection = new Database(join(folder, 'data/homelab.db'), { readonly: true })
  t.match(connection.prepare('SELECT room, status, created_at FROM servers').get(), { room: 'attic', status: 'attic' })
  connection.close()
})

t.test('a migration in CommonJS and one in SQL run in the bundle, too', async t => {
  const cli = `const { DataTypes } = require('sequelize')
    module.exports = {
      up: (queryInterface, Sequelize) =>
        queryInterface.addColumn('servers', 'shelf', { type: Sequelize.TEXT === DataTypes.TEXT ? 'TEXT' : 'BLOB' }),
    }`
  writeFileSync(join(migrations, '0005-add-shelf.js'), cli)
  writeFileSync(join(migrations, '0006-fill-shelf.sql'), "-- migrate:up\nUPDATE servers SET shelf = 'a;b';\n")
  t.match(bundled(), { exitCode: 0, stderr: /"applied":2/ })
  const connection = new Database(join(folder, 'data/homelab.db'), { readonly: true })
  t.match(connection.prepare('SELECT shelf, typeof(shelf) AS type FROM servers').get(), { shelf: 'a;b', type: 'text' })
  connection.close()
})

t.test('a failure has its code and its line: the class is one in all files of the bundle', async t => {
  const before = dump(join(folder, 'data/homelab.db'))
  writeFileSync(join(migrations, '0007-fail.js'), "export const up = () => Promise.reject(new Error('out of luck'))")
  t.match(bundled(), { exitCode: 40, stderr: /0007-fail failed at .*0007-fail\.js:1:40: out of luck/ })
  t.equal(dump(join(folder, 'data/homelab.db')), before)
  t.match(bundled('no-such-command'), { exitCode: 2 })
  t.match(bundled('repair', '0001-creat-servers'), { exitCode: 2, stderr: /Did you mean 0001-create-servers\?/ })
})

t.test('plan and lint see in the bundle what they see in the sources', async t => {
  rmSync(join(migrations, '0007-fail.js'))
  const text = `import { DataTypes } from 'sequelize'
    export const up = async ({ context: schema }) => {
      await schema.addColumn('servers', 'rack', { type: DataTypes.TEXT, defaultValue: DataTypes.NOW })
      await schema.bulkInsert('servers', [{ id: String(Math.random()), hostname: 'x' }])
      await import('node:net')
    }`
  writeFileSync(join(migrations, '0007-add-rack.js'), text)
  for (const words of [
    ['lint', '--json'],
    ['plan', '--json'],
  ]) {
    const ours = await runProgram(words, settings)
    const theirs = bundled(...words)
    t.equal(theirs.exitCode, ours.exitCode)
    const seen = (stdout: string) =>
      JSON.parse(stdout).migrations.map(({ name, findings, structure }: Record<string, unknown>) => ({
        name,
        findings,
        structure,
      }))
    t.strictSame(seen(theirs.stdout), seen(ours.stdout))
    t.match(theirs.stdout, /imports node:net.*calls Math\.random in line 4/)
  }
  t.match(bundled('plan', '--sql'), { exitCode: 0, stdout: /^\.bail on\n-- 1 migration of .*COMMIT;/s })
})
