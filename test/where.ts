/** Failures of a migration say where: these run files of a folder, and read what `up` would tell. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { up } from '../src/commands/up.ts'
import { isFailure } from '../src/failure.ts'
import { makeContext } from './help/context.ts'
import { runProgram, settingsFor } from './help/program.ts'

const first =
  "export const up = async ({ context }) => context.createTable('a', { x: { type: 'TEXT', unique: true } })\n"

/** What `up` fails with, the folder's name taken out of it. */
const failureOf = async (t: Pick<Test, 'teardown'>, files: Readonly<Record<string, string>>) => {
  const folder = mkdtempSync(join(tmpdir(), 'where-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of Object.entries({ 'm/0001-a.js': first, ...files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  // a link, as a ConfigMap or a mounted folder may be: places are told as the settings name it
  symlinkSync(join(folder, 'm'), join(folder, 'link'))
  mkdirSync(join(folder, 'data'))
  const context = await makeContext(join(folder, 'data'), { MIGRATOR_MIGRATIONS: join(folder, 'link') })
  const failure = await up(context, undefined).then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!isFailure(failure, 'MIGRATION_FAILED') && !isFailure(failure, 'CONFIG_INVALID')) throw failure
  return { code: failure.code, hint: failure.hint, message: failure.message.replaceAll(`${folder}/link`, '/m') }
}

const query = (sql: string) => `await context.sequelize.query(${JSON.stringify(sql)})`
const body = (...lines: readonly string[]) => `export const up = async ({ context }) => {\n  ${lines.join('\n  ')}\n}\n`

for (const [title, text, place] of [
  ['a statement', body('', query('SELEC 1')), ':3:3: near "SELEC": syntax error in SELEC 1'],
  [
    'a call of Sequelize',
    body("await context.bulkInsert('a', [{ x: 1 }, { x: 1 }])"),
    ':2:3: UNIQUE constraint failed: a.x in INSERT INTO `a`',
  ],
  [
    'a call that is other than its own',
    body("await context.removeColumn('a', 'z')"),
    ':2:17: no such column: ""z"" in ALTER TABLE "a" DROP COLUMN "z"',
  ],
  ['a call that refuses', body("await context.rebuildTable('z', '')"), ':2:17: there is no table z'],
  ['an error of JavaScript', body('', '', 'null.x'), ':4:8: Cannot read properties of null'],
  [
    'a transaction',
    body(
      'await context.sequelize.transaction(async transaction => {',
      "  await context.sequelize.query('x', { transaction })",
      '})',
    ),
    ':3:5: near "x": syntax error in x',
  ],
  ['an error on the way to another', body('throw new Error("first", { cause: null })'), ':2:9: first'],
] as const) {
  t.test(`the failure of ${title} tells its line and column`, async t => {
    const { code, message } = await failureOf(t, { 'm/0002-b.ts': text })
    t.equal(code, 'MIGRATION_FAILED')
    t.ok(message.startsWith(`migration 0002-b failed at /m/0002-b.ts${place}`), message)
  })
}

t.test('a migration that only returns what it calls tells the line, too', async t => {
  for (const call of ["sequelize.query('x')", "addColumn('z', 'y', { type: 'TEXT' })", "removeColumn('a', 'z')"]) {
    const text = `export const up = ({ context }) =>\n  context.${call}\n`
    const { message } = await failureOf(t, { 'm/0002-b.ts': text })
    t.match(message, /^migration 0002-b failed at \/m\/0002-b\.ts:2:\d+: /)
  }
})

t.test('a statement of an SQL file is told by its line, and cut where it is long', async t => {
  const { message } = await failureOf(t, {
    'm/0002-b.sql': `-- migrate:up\nSELECT 1;\n\n  INSERT INTO a\n  VALUES ('${'y'.repeat(200)}', 2);\n`,
  })
  const statement = "in INSERT INTO a VALUES ('yyyyyyyy"
  t.ok(message.startsWith('migration 0002-b failed at /m/0002-b.sql:4:3: table a has 1 columns but'), message)
  t.ok(message.includes(statement) && message.endsWith('...'), message)
})

t.test('values that are bound are not told', async t => {
  const bound = "await context.sequelize.query('INSERT INTO absent VALUES ($1)', { bind: ['secret'] })"
  const { message } = await failureOf(t, { 'm/0002-b.ts': body(bound) })
  t.match(message, /no such table: absent in INSERT INTO absent VALUES \(\$1\)$/)
})

t.test('at log level debug each statement is told without its values, and the stack of the failure', async t => {
  const bound = "await context.sequelize.query('INSERT INTO a VALUES ($1)', { bind: ['secret'] })"
  const folder = t.testdir({ m: { '0001-a.js': first, '0002-b.ts': body(bound, 'null.x') }, data: {} })
  const settings = settingsFor(join(folder, 'data'), { MIGRATOR_MIGRATIONS: join(folder, 'm') })
  const { events, stderr } = await runProgram([], { ...settings, MIGRATOR_LOG_LEVEL: 'debug' })
  t.match(events, [
    { level: 'debug', event: 'migration.statement', sql: /CREATE TABLE IF NOT EXISTS `a`/ },
    { level: 'debug', event: 'migration.statement', sql: 'INSERT INTO a VALUES ($1)' },
    { level: 'debug', event: 'failed.stack', stack: /TypeError[\s\S]*at up .*0002-b\.ts:3:8/ },
    { event: 'failed' },
  ])
  t.notMatch(stderr, /secret/)
  t.match(await runProgram([], settings), { events: [{ event: 'failed', level: 'error' }] })
})

t.test('an error outside of the folder tells no place', async t => {
  const { message } = await failureOf(t, { 'm/0002-b.ts': body("await Promise.reject('word')") })
  t.equal(message, 'migration 0002-b failed: word')
})

for (const [title, name, text, message, hint] of [
  [
    'an error of TypeScript',
    '0002-b.ts',
    'const x: number =\n  ;',
    'ts:2:3 cannot be loaded: Expression expected in ;',
    /Fix/,
  ],
  [
    'TypeScript that ends too early',
    '0002-b.ts',
    'const x: number = 1\n\nif (x) {\n  x.toFixed()',
    "ts:4:14 cannot be loaded: Expected '}', got '<eof>' in x.toFixed()",
    /Fix/,
  ],
  ['JavaScript that ends too early', '0002-b.js', 'if (1) {\n  a()', 'js:2:', /Fix/],
  ['an error of syntax', '0002-b.js', '\n\nconst x = ;', 'js:3:11 cannot be loaded: ', /Fix/],
  ['a thrown error', '0002-b.ts', '\nthrow new Error("boo")', 'ts:2:7 cannot be loaded: boo', /Fix/],
  ['JSON that is none', '0002-b.ts', 'JSON.parse("{")', 'ts:1:6 cannot be loaded: Expected property name', /Fix/],
  [
    'an enum',
    '0002-b.ts',
    'enum A { x }\nexport const up = async () => A',
    'ts:1:1 cannot be loaded: TypeScript enum is not supported',
    /Node only strips types.*"as const" for an enum/,
  ],
  [
    'a type imported as a value',
    '0002-b.ts',
    "import { Options, DataTypes } from 'sequelize'\nexport const up = async () => DataTypes",
    "ts:1:10 cannot be loaded: The requested module 'sequelize' does not provide an export named 'Options'",
    /import type \{ Options \}/,
  ],
  [
    'a package that is not there',
    '0002-b.ts',
    "import lodash from 'lodash'\nexport const up = async () => lodash",
    "ts:1:20 cannot be loaded: Cannot find package 'lodash'",
    /Install lodash/,
  ],
  [
    'a part of a package that is not there',
    '0002-b.ts',
    "import fp from 'lodash/fp'\nexport const up = async () => fp",
    "ts:1:16 cannot be loaded: Cannot find package 'lodash'",
    /Install lodash/,
  ],
  [
    'types in JavaScript',
    '0002-b.js',
    'const x: number = 1\nexport const up = async () => x',
    'js cannot be loaded: Missing initializer in const declaration',
    /Fix the file/,
  ],
  [
    'a decorator',
    '0002-b.ts',
    '@frozen\nclass A {}\nexport const up = async () => A',
    'ts:1:1 cannot be loaded: Invalid or unexpected token in @frozen',
    /knows no decorators.*--import tsx/,
  ],
  [
    'a file that is not there',
    '0002-b.ts',
    "\nimport x from './x.ts'\nexport const up = async () => x",
    'ts:2:15 cannot be loaded: Cannot find module',
    /Check the path/,
  ],
  [
    'CommonJS in an ES module',
    '0002-b.mjs',
    'module.exports = { up: async () => {} }',
    'mjs:1:1 cannot be loaded: module is not defined',
    /write import and export, or call the file \.cjs/,
  ],
] as const) {
  t.test(`a file with ${title} is refused with its place, and with what mends it`, async t => {
    const failure = await failureOf(t, { [`m/${name}`]: text })
    t.match(failure, { code: 'CONFIG_INVALID', hint })
    t.ok(failure.message.startsWith(`/m/0002-b.${message}`), failure.message)
  })
}

t.test('where a file elsewhere is at fault, its own place is told', async t => {
  const files = { 'm/0002-b.js': "import '../lib/x.js'\nexport const up = async () => undefined" }
  for (const [text, message] of [
    ['const x = ;', '/lib/x.js:1:11 cannot be loaded: '],
    ["\nimport './none.js'", '/lib/x.js:2:8 cannot be loaded: Cannot find module'],
  ] as const) {
    const failure = await failureOf(t, { ...files, 'lib/x.js': text })
    t.ok(failure.message.includes(message), failure.message)
  }
})
