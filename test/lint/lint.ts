import { join } from 'node:path'
import t, { type Test } from 'tap'
import { lint } from '../../src/lint/lint.ts'
import { readMigrationFiles } from '../../src/migrations/files.ts'
import { root } from '../help/program.ts'

const inFolder = async (folder: string, signal = new AbortController().signal) =>
  lint(readMigrationFiles(folder), { version: '1.2.3', signal, idleLimit: 60 })

/** For each file what is found in it, as `up CODE: message`. */
const find = async (t: Pick<Test, 'testdir'>, files: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    (await inFolder(t.testdir(files))).map(({ name, findings }) => [
      name,
      findings.map(({ code, message, direction }) => `${direction ?? 'it'} ${code}: ${message}`),
    ]),
  )
const migration = (up: string, down = 'SELECT 1') => `
  export const up = async ({ context: schema }) => { const run = sql => schema.sequelize.query(sql); ${up} }
  export const down = async ({ context: schema }) => { await schema.sequelize.query('${down}') }`

t.test('the migrations of the image have nothing to be said of', async t => {
  const found = await inFolder(join(root, 'migrations'))
  t.ok(found.length > 0)
  for (const { findings } of found) t.strictSame(findings, [])
})

t.test('each is told what its up and down do, and what it reaches for', async t => {
  const found = await find(t, {
    '0001-a.js': migration("await run('CREATE TABLE a (x, y)')", 'DROP TABLE a'),
    '0002-b.js': migration("await run('ALTER TABLE a DROP COLUMN y'); Math.random()", 'DROP TABLE a'),
  })
  t.strictSame(found, {
    '0001-a': [],
    '0002-b': [
      'it HM502: calls Math.random in line 2',
      'up DS103: drops the column a.y',
      'down HM401: drops the table a, which has rows from before up',
    ],
  })
})

t.test('what a call takes away by its own words is not lost in a rebuild', async t => {
  const make = `
    await run('CREATE TABLE p (id INTEGER PRIMARY KEY, x UNIQUE)')
    await run('CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p (id) ON DELETE CASCADE, x UNIQUE, y CHECK (y > 0), z REFERENCES p)')`
  const change = `
    await schema.changeColumn('c', 'p', { onDelete: 'NO ACTION' })
    await schema.removeConstraint('c', { type: 'unique', fields: ['x'] })
    await schema.removeConstraint('c', { type: 'check', fields: ['y'] })
    await schema.removeConstraint('c', { type: 'foreign key', fields: ['z'] })
    await schema.addColumn('c', 'serial', { type: 'TEXT', unique: true })`
  const { '0002-b': found } = await find(t, { '0001-a.js': migration(make), '0002-b.js': migration(change) })
  t.strictSame(
    found?.filter(finding => !finding.startsWith('down')),
    ['up CD101: removes the foreign key c (z) to p'],
  )
})

t.test('what the editor does, and what the cures advise, has no finding', async t => {
  const make = `
    await run('CREATE TABLE p (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT COLLATE NOCASE, code TEXT, CHECK (id > 0))')
    await run('CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p (id), note TEXT)')
    await run('CREATE UNIQUE INDEX names ON p (name)')
    await run('CREATE TRIGGER g AFTER INSERT ON p BEGIN SELECT 1; END')`
  const change = `
    await schema.changeColumn('p', 'code', { type: 'INTEGER', defaultValue: 7 })
    await schema.addConstraint('c', { type: 'foreign key', fields: ['id'], references: { table: 'p', field: 'id' } })
    await schema.rebuildTable('p', 'CREATE TABLE p (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT COLLATE NOCASE, code INTEGER, more, CHECK (id > 0))', { copy: { more: 'id' } })
    await run("UPDATE c SET note = '' WHERE note IS NULL")
    await schema.changeColumn('c', 'note', { type: 'TEXT', allowNull: false })
    await schema.addColumn('p', 'made', { type: 'TEXT' })
    await schema.changeColumn('p', 'made', { type: 'TEXT', defaultValue: schema.sequelize.literal('CURRENT_TIMESTAMP') })
    await schema.addIndex('p', ['made'])
    await schema.sequelize.transaction(transaction => schema.bulkInsert('p', [{ name: 'a' }], { transaction }))
    await schema.backfill('UPDATE p SET code = id WHERE id BETWEEN $first AND $last AND code IS NULL', { table: 'p' })
    await schema.changeColumn('p', 'code', { allowNull: false })`
  const found = await find(t, {
    '0001-make.js': migration(make, 'DROP TABLE p').replace('export const down', 'const down'),
    '0002-change.js': migration(change).replace('export const down', 'const down'),
  })
  t.strictSame(found, { '0001-make': [], '0002-change': ['up HM106: changes the type of p.code from TEXT to INTEGER'] })
})

t.test('dates that Sequelize fills in are not blamed on the migration', async t => {
  const up = `const Host = schema.sequelize.define('Host', {}, { tableName: 'hosts' })
    await schema.createTable('hosts', { id: 'INTEGER PRIMARY KEY', createdAt: 'TEXT', updatedAt: 'TEXT' })
    await Host.create({})`
  t.strictSame(await find(t, { '0001-a.js': migration(up, 'DROP TABLE hosts') }), { '0001-a': [] })
})

t.test('one that fails is told, and so is that another before it did; its half is not judged', async t => {
  const found = await find(t, {
    '0001-a.js': migration("await run('CREATE TABLE a (x)'); await run('DROP TABLE none')"),
    '0002-b.js': migration("await run('PRAGMA locking_mode = normal'); await run('DROP TABLE a')"),
    '0003-c.js': migration("await run('CREATE TABLE c (x)')", 'DROP TABLE none'),
    '0004-d.js': migration("await run('DROP TABLE c'); throw new Error('half way')"),
  })
  t.strictSame(found, {
    '0001-a': ['up HM001: fails at 0001-a.js:2:135: no such table: none'],
    '0002-b': [
      'up HM001: fails at 0002-b.js:2:145: no such table: a, and so does 0001-a before it',
      'up HM201: runs PRAGMA locking_mode = normal',
    ],
    '0003-c': ['down HM403: fails at 0003-c.js:3:56: no such table: none'],
    '0004-d': [
      'up HM001: fails at 0004-d.js:2:135: half way, and so does 0001-a before it, and so does 0002-b before it',
    ],
  })
})

t.test('a failure quotes the statement that failed', async t => {
  const [found] = await inFolder(t.testdir({ '0001-a.js': migration("await run('DROP TABLE none')") }))
  t.match(found, { findings: [{ code: 'HM001', statement: 'DROP TABLE none' }] })
})

t.test('what runs after one that stopped the program is told as not run', async t => {
  const controller = new AbortController()
  controller.abort(new Error('a promise was dropped'))
  const folder = t.testdir({ '0001-a.js': migration('') })
  t.match(await inFolder(folder, controller.signal), [{ findings: [{ code: 'HM001', message: /was not run/ }] }])
})

t.test('a wrong number is a finding', async t => {
  const found = await find(t, { '0001-a.js': migration(''), '0001-b.js': migration(''), '0004-c.js': migration('') })
  t.strictSame(found, {
    '0001-a': [],
    '0001-b': ['it HM002: has the number of 0001-a'],
    '0004-c': ['it HM002: has a gap before it: 2 is missing'],
  })
})

t.test('a comment silences, and is a finding where it does not', async t => {
  const drop = migration("await run('CREATE TABLE a (x)')", 'SELECT 2')
  t.strictSame(await find(t, { '0001-a.js': `// lint-ok HM402: the table may stay\n${drop}` }), { '0001-a': [] })
  t.strictSame(await find(t, { '0001-a.js': `// lint-ok HM402\n// lint-ok DS102: gone\n${drop}` }), {
    '0001-a': [
      'down HM402: does not restore the structure from before up: table a is extra',
      'it HM901: has "// lint-ok HM402"',
      'it HM902: has "// lint-ok DS102", which is not found in it',
    ],
  })
})

t.test('a file that cannot be loaded is refused by name, and the watch ends', async t => {
  const { now } = Date
  await t.rejects(inFolder(t.testdir({ '0001-bad.js': 'export const up =' })), {
    code: 'CONFIG_INVALID',
    message: /0001-bad/,
  })
  t.equal(Date.now, now)
})

t.test('rows that up deletes are a finding, unless it says so', async t => {
  const first = migration("await run('CREATE TABLE a (x)')", 'DROP TABLE a')
  const second = migration("await run('DELETE FROM a WHERE x > 1')")
  t.strictSame(await find(t, { '0001-a.js': first, '0002-b.js': second }), {
    '0001-a': [],
    '0002-b': ['up HM203: deletes rows of a'],
  })
  const said = `${second}\nexport const removesRows = ['a']`
  t.strictSame(await find(t, { '0001-a.js': first, '0002-c.js': said }), { '0001-a': [], '0002-c': [] })
})
