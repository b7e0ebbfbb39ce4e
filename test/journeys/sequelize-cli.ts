/** What a project that has used sequelize-cli does: its files and its database stay as they are. */
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { Sequelize } from 'sequelize'
import t from 'tap'
import { connectSequelize } from '../../src/sqlite/bridge/sequelize.ts'
import { openDatabase } from '../../src/sqlite/connect.ts'
import { runProgram, settingsFor } from '../help/program.ts'

const createServers = `'use strict';
/** @type {import('sequelize-cli').Migration} */
module.exports = {
  async up(queryInterface, Sequelize) {
    await queryInterface.createTable('Servers', {
      id: { allowNull: false, autoIncrement: true, primaryKey: true, type: Sequelize.INTEGER },
      name: { type: Sequelize.STRING },
      createdAt: { allowNull: false, type: Sequelize.DATE },
    });
  },
  async down(queryInterface, Sequelize) {
    await queryInterface.dropTable('Servers');
  },
};
`
const createMetrics = `module.exports = {
  up: (queryInterface, { INTEGER, FLOAT }) =>
    queryInterface.createTable('Metrics', {
      id: { autoIncrement: true, primaryKey: true, type: INTEGER },
      serverId: { type: INTEGER, references: { model: 'Servers', key: 'id' }, onDelete: 'CASCADE' },
      celsius: FLOAT,
    }),
  down: queryInterface => queryInterface.dropTable('Metrics'),
}
`
const addRoom = `const rooms = require('./rooms.json')
module.exports = {
  async up(queryInterface, Sequelize) {
    const transaction = await queryInterface.sequelize.transaction()
    try {
      await queryInterface.addColumn('Servers', 'room', { type: Sequelize.STRING }, { transaction })
      await queryInterface.bulkUpdate('Servers', { room: rooms[0] }, { id: 1 }, { transaction })
      await transaction.commit()
    } catch (error) {
      await transaction.rollback()
      throw error
    }
  },
  async down(queryInterface) {
    await queryInterface.removeColumn('Servers', 'room')
  },
}
`
const names = ['20240101120000-create-servers', '20240101120001-create_metrics'] as const

t.test('the rest is applied, and the next one is made behind it', async t => {
  const folder = t.testdir({
    data: {},
    'package.json': '{ "type": "commonjs" }',
    migrations: {
      [`${names[0]}.js`]: createServers,
      [`${names[1]}.js`]: createMetrics,
      '20250601080000-add-room.js': addRoom,
      'rooms.json': '["attic"]',
    },
  })
  const migrations = join(folder, 'migrations')
  const file = join(folder, 'data/homelab.db')
  // what sequelize-cli does, which calls them so, and records the names of the files
  const connection = openDatabase(file)
  connection.exec('CREATE TABLE `SequelizeMeta` (`name` VARCHAR(255) NOT NULL UNIQUE PRIMARY KEY)')
  const queryInterface = connectSequelize(connection).getQueryInterface()
  const require = createRequire(join(migrations, 'index.js'))
  for (const name of names) {
    await require(`./${name}.js`).up(queryInterface, Sequelize)
    connection.prepare('INSERT INTO SequelizeMeta VALUES (?)').run(`${name}.js`)
  }
  connection.exec("INSERT INTO Servers (name, createdAt) VALUES ('omv', '2026-01-18 10:00:00.000 +00:00')")
  connection.exec('INSERT INTO Metrics (serverId, celsius) VALUES (1, 40.5)')
  connection.close()

  const settings = settingsFor(join(folder, 'data'), { MIGRATOR_MIGRATIONS: migrations })
  t.match(await runProgram(['status'], settings), { exitCode: 0, stdout: /20250601080000-add-room +pending/ })
  t.match(await runProgram(['lint', '20250601080000-add-room'], settings), { exitCode: 0, stdout: /^0 errors/m })
  t.match(await runProgram(['plan'], settings), { exitCode: 0, stdout: /\+ column +Servers\.room/ })
  t.match(await runProgram([], settings), { exitCode: 0, events: [{}, { name: '20250601080000-add-room' }, {}] })
  const query = (sql: string) => {
    const reading = new Database(file, { readonly: true })
    try {
      return reading.prepare(sql).all()
    } finally {
      reading.close()
    }
  }
  t.strictSame(query('SELECT name, room FROM Servers'), [{ name: 'omv', room: 'attic' }])
  t.match(query('SELECT name, checksum FROM SequelizeMeta'), [
    ...names.map(name => ({ name, checksum: /^sha256:/ })),
    { name: '20250601080000-add-room' },
  ])
  t.match(await runProgram(['verify'], settings), { exitCode: 0, stdout: /: sound\n/ })

  const made = await runProgram(['create', 'drop-rooms'], settings)
  t.match(made, { exitCode: 0, stdout: /\/20\d{12}-drop-rooms\.js\n$/ })
  const next = made.stdout.trim()
  t.ok(next > join(migrations, '20250601080000-add-room.js'), 'it comes behind the last one')
  t.match(readFileSync(next, 'utf8'), /^export const up = /m)
  writeFileSync(next, "export const up = ({ context }) => context.removeColumn('Servers', 'room')\n")
  t.match(await runProgram([], settings), { exitCode: 0 })
  t.match(query('SELECT name FROM SequelizeMeta ORDER BY name'), [{}, {}, {}, { name: /-drop-rooms$/ }])
})
