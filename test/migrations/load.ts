import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DataTypes } from 'sequelize'
import t from 'tap'
import { Failure } from '../../src/failure.ts'
import { readMigrationFiles } from '../../src/migrations/files.ts'
import { loadMigrations } from '../../src/migrations/load.ts'

/** Far from any node_modules and package.json. */
const load = async (t: { teardown: (work: () => void) => void }, files: Record<string, string>) => {
  const folder = mkdtempSync(join(tmpdir(), 'migrations-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return loadMigrations(readMigrationFiles(folder), new AbortController().signal)
}

t.test("a migration far from any node_modules gets this program's Sequelize, in every language", async t => {
  const text = "import { DataTypes } from 'sequelize'\nexport const up = async () => DataTypes\n"
  const loaded = await load(t, { '0001-a.ts': `const x: number = 1\n${text}`, '0002-b.js': text, '0003-c.mjs': text })
  for (const { up } of loaded) {
    // @ts-expect-error these do not look at what they are called with
    t.equal(await up(), DataTypes)
  }
})

t.test('a migration may import a file of its own, and Node', async t => {
  const loaded = await load(t, {
    '0001-a.ts':
      "import { join } from 'node:path'\nimport { x } from './.shared.ts'\nexport const up = async () => join(x)\n",
    '.shared.ts': "export const x: string = 'shared'\n",
  })
  t.equal(loaded.length, 1)
})

/** What `up` of each file returns, called as the runner calls it. */
const returned = async (t: { teardown: (work: () => void) => void }, files: Record<string, string>) =>
  Promise.all((await load(t, files)).map(({ name, up }) => up({ name, context: editor })))
// a migration of these tests reads this of its context, and nothing else
const editor = Object.assign(Object.create({ addColumn: () => 'added' }), { sequelize: 'its Sequelize' })

t.test("sequelize-cli's own files run as they are, wherever they lie", async t => {
  const cli = "'use strict'\nconst { DataTypes } = require('sequelize')\nconst Sequelize = require('sequelize')\n"
  const text = `${cli}module.exports = {
    async up(queryInterface, given) {
      return [queryInterface.addColumn(), queryInterface.sequelize, given === Sequelize, given.TEXT === DataTypes.TEXT]
    },
    async down(queryInterface) {},
  }\n`
  const expected = ['added', 'its Sequelize', true, true]
  const files = { '20240101120000-create-x.js': text, '20240101120001-Create_Y.cjs': text }
  t.strictSame(await returned(t, files), [expected, expected])
  t.strictSame(await returned(t, { ...files, 'package.json': '{ "type": "module" }' }), [expected, expected])
})

t.test("CommonJS of Umzug's form, and one default export, run as they are", async t => {
  t.strictSame(
    await returned(t, {
      '0001-a.cjs': 'exports.up = async ({ name, context }) => [name, context.addColumn()]',
      '0002-b.js': 'exports.up = async ({ context }) => context.sequelize; exports.removesRows = ["a"]',
      '0003-c.ts': 'export default { up: async (queryInterface: { sequelize: string }) => queryInterface.sequelize }',
    }),
    [['0001-a', 'added'], 'its Sequelize', 'its Sequelize'],
  )
})

t.test('a helper of CommonJS is imported as it is required', async t => {
  const text = (load: string) => `${load}\nexport const up = async () => rooms.rooms`
  const loaded = await returned(t, {
    '_rooms.js': "exports.rooms = ['cellar']",
    '0001-a.mjs': text("import rooms from './_rooms.js'"),
    '0002-b.mjs': text(
      "import { createRequire } from 'node:module'\nconst rooms = createRequire(import.meta.url)('./_rooms.js')",
    ),
  })
  t.strictSame(loaded, [['cellar'], ['cellar']])
})

t.test('data and helpers beside a migration are imported and required, also while it runs', async t => {
  t.strictSame(
    await returned(t, {
      'package.json': '{ "type": "module" }',
      '0001-a.ts': `import rows from './0001-rooms.json' with { type: 'json' }
        import { createRequire } from 'node:module'
        const require = createRequire(import.meta.url)
        export const up = async () => {
          const { DataTypes } = await import('sequelize')
          return [rows, require('./0001-rooms.json'), require('sequelize').TEXT === DataTypes.TEXT, (await import('./_names.ts')).name]
        }`,
      '0002-b.js': `const rows = require('./0001-rooms.json')
        module.exports = { up: async () => [rows, require('./_old.js').old, require('sequelize').Op !== undefined] }`,
      '0001-rooms.json': '["attic"]',
      '0001-rooms.csv': 'attic',
      '_names.ts': "export const name: string = 'name'",
      '_old.js': "exports.old = require('sequelize').TEXT.key",
    }),
    [
      [['attic'], ['attic'], true, 'name'],
      [['attic'], 'TEXT', true],
    ],
  )
})

t.test('an installed package brings its migrations below node_modules, where Node strips no types', async t => {
  const folder = t.testdir({ node_modules: { '0001-a.ts': 'export const up = async (): Promise<number> => 7\n' } })
  const [migration] = await loadMigrations(
    readMigrationFiles(join(folder, 'node_modules')),
    new AbortController().signal,
  )
  // @ts-expect-error it does not look at what it is called with
  t.equal(await migration?.up(), 7)
})

t.test('what it exports is given on', async t => {
  const [first, second] = await load(t, {
    '0001-a.js': 'export const up = async () => 1; export const down = async () => 2',
    '0002-b.js': "export const up = async () => 1; export const removesRows = ['metrics']",
  })
  t.match(first, { name: '0001-a', removesRows: [], down: Function })
  t.match(second, { name: '0002-b', removesRows: ['metrics'], down: undefined })
})

for (const [title, text] of [
  ['a syntax error', 'export const up = async () => {'],
  ['an import of what is not there', "import 'no-such-package'\nexport const up = async () => 1"],
  ['an error while it loads', "throw new Error('at load')"],
  ['a throw of what is no error', "throw 'words'"],
  ['no up', 'export const down = async () => 1'],
  ['an up that is no function', 'export const up = 1'],
  ['a down that is no function', 'export const up = async () => 1; export const down = 1'],
  ['removesRows that are no names', 'export const up = async () => 1; export const removesRows = [1]'],
] as const) {
  t.test(`a migration with ${title} is refused by name`, async t => {
    await t.rejects(load(t, { '0001-bad.js': text }), { code: 'CONFIG_INVALID', message: /0001-bad\.js/ })
  })
}

t.test('a file that never settles, and one that drops an error, is blamed when the program notices', async t => {
  for (const [text, reason, message] of [
    [
      'await new Promise(() => undefined)',
      new Error('it never settles'),
      /0001-a.js cannot be loaded: it never settles/,
    ],
    ['export const up = async () => undefined; await new Promise(() => undefined)', 'words', /cannot be loaded: words/],
  ] as const) {
    const folder = t.testdir({ '0001-a.js': text })
    const controller = new AbortController()
    const loading = loadMigrations(readMigrationFiles(folder), controller.signal)
    controller.abort(reason)
    await t.rejects(loading, { code: 'CONFIG_INVALID', message })
  }
})

t.test('a run that is stopped while a file is loaded ends with what stopped it', async t => {
  const folder = t.testdir({ '0001-a.js': 'await new Promise(() => undefined)' })
  const controller = new AbortController()
  const loading = loadMigrations(readMigrationFiles(folder), controller.signal)
  controller.abort(new Failure('SIGTERM', 'stopped', ''))
  await t.rejects(loading, { code: 'SIGTERM', message: 'stopped' })
})
