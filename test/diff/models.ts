import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { root, runProgram, settingsFor } from '../help/program.ts'

const createUsers = `import { DataTypes } from 'sequelize'
export const up = ({ context }) =>
  context.createTable('users', {
    id: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
    name: { type: DataTypes.STRING, allowNull: false },
    created_at: { type: DataTypes.DATE },
  })
`
const model = `(sequelize, DataTypes) => sequelize.define('user', {
  name: { type: DataTypes.STRING, allowNull: false },
  age: DataTypes.INTEGER,
}, { tableName: 'users', createdAt: 'created_at', updatedAt: false })`
const instance = `new Sequelize({ dialect: 'sqlite', storage: '/nowhere/never.db', logging: text => { throw new Error(text) } })`

const prepare = (t: Test, models: object) => {
  const folder = t.testdir({
    'package.json': '{}',
    data: {},
    migrations: { '0001-create-users.js': createUsers },
    ...models,
  })
  const settings = settingsFor(join(folder, 'data'), { MIGRATOR_MIGRATIONS: join(folder, 'migrations') })
  const run = (...words: readonly string[]) => runProgram(words, settings)
  return { folder, run, migrations: join(folder, 'migrations') }
}
const line = '  column users.age missing: expected INTEGER, found nothing'

t.test("this program's own models are what its migrations make, in both versions of Sequelize", async t => {
  for (const file of ['models.ts', 'models-v7.ts']) {
    const models = join(root, 'src/hub', file)
    const outcome = await runProgram(['verify', '--models', models], settingsFor(t.testdir()))
    t.match(outcome, { exitCode: 0, stdout: `${models}: as the migrations\n` }, file)
  }
})

for (const [title, files, name] of [
  ['a function of sequelize-cli', { 'models.js': `module.exports = ${model}` }, 'models.js'],
  ['a folder without an index', { models: { 'user.js': `module.exports = ${model}` } }, 'models'],
  ['a default export of a function', { 'models.mjs': `export default ${model}` }, 'models.mjs'],
  [
    'initModels',
    {
      'models.ts': `import { DataTypes } from 'sequelize'\nexport const initModels = (s: any) => (${model})(s, DataTypes)`,
    },
    'models.ts',
  ],
  [
    'an instance as default export',
    {
      'models.mjs': `import { DataTypes, Sequelize } from 'sequelize'\nconst s = ${instance}\n;(${model})(s, DataTypes)\nexport default s`,
    },
    'models.mjs',
  ],
  [
    'models that are bound',
    {
      'models.mjs': `import { DataTypes, Sequelize } from 'sequelize'\nexport const User = (${model})(${instance}, DataTypes)`,
    },
    'models.mjs',
  ],
  [
    "sequelize-cli's index of a folder",
    {
      models: {
        'user.js': `module.exports = ${model}`,
        'index.js': `'use strict'
const fs = require('fs')
const path = require('path')
const Sequelize = require('sequelize')
const db = {}
const sequelize = ${instance.replace('Sequelize(', 'Sequelize.Sequelize(')}
for (const file of fs.readdirSync(__dirname).filter(file => file !== 'index.js')) {
  const model = require(path.join(__dirname, file))(sequelize, Sequelize.DataTypes)
  db[model.name] = model
}
db.sequelize = sequelize
db.Sequelize = Sequelize
module.exports = db
`,
      },
    },
    'models',
  ],
  [
    'an instance of Sequelize 7',
    {
      'models.mjs': `import { DataTypes, Sequelize } from '@sequelize/core'
import { SqliteDialect } from '@sequelize/sqlite3'
export const sequelize = new Sequelize({ dialect: SqliteDialect, storage: '/nowhere/never.db' })
;(${model})(sequelize, DataTypes)`,
    },
    'models.mjs',
  ],
] as const) {
  t.test(`models may be ${title}, and no database is opened`, async t => {
    const { folder, run, migrations } = prepare(t, files)
    const models = join(folder, name)
    const outcome = await run('verify', '--models', models)
    t.match(outcome, { exitCode: 53, failure: 'SCHEMA_DRIFT' })
    t.equal(outcome.stdout, `${models}: SCHEMA_DRIFT, 1 difference\n${line}\n`)
    const { stdout } = await run('verify', '--models', models, '--json')
    t.match(JSON.parse(stdout), { models, code: 'SCHEMA_DRIFT', findings: [{ object: /\w/ }] })
    t.strictSame(readdirSync(join(folder, 'data')), [])
    t.match(await run('diff', 'add-age', '--models', models), { exitCode: 0, stdout: /0002-add-age\.js\n$/ })
    t.equal(
      readFileSync(join(migrations, '0002-add-age.js'), 'utf8'),
      `/** Brings the schema to that of the models. */
export const up = async ({ context: schema }) => {
  await schema.runSql(\`ALTER TABLE users ADD COLUMN age INTEGER\`)
}

export const down = async ({ context: schema }) => {
  await schema.runSql(\`ALTER TABLE users DROP COLUMN age\`)
}
`,
    )
    t.match(await run('verify', '--models', models), { exitCode: 0 })
    t.match(await run('diff', 'again', '--models', models), {
      exitCode: 0,
      stdout: '',
      events: [{ event: 'diff.none' }],
    })
    t.strictSame(readdirSync(migrations), ['0001-create-users.js', '0002-add-age.js'])
  })
}

t.test('what models cannot say stays, and an index and a column that they lack are to decide', async t => {
  const { folder, run, migrations } = prepare(t, {
    'models.mjs': `export default ${model.replace('age: DataTypes.INTEGER,', '')}`,
  })
  t.match(await run('create', '--sql', 'add-more'), { exitCode: 0 })
  const { writeFileSync } = await import('node:fs')
  writeFileSync(
    join(migrations, '0002-add-more.sql'),
    `-- migrate:up
ALTER TABLE users ADD COLUMN size INTEGER DEFAULT 5;
ALTER TABLE users ADD COLUMN loud TEXT AS (upper(name)) VIRTUAL;
ALTER TABLE users ADD CONSTRAINT named CHECK (name <> '');
CREATE INDEX by_name ON users (name);
CREATE VIEW names AS SELECT name FROM users;
`,
  )
  const models = join(folder, 'models.mjs')
  t.match(await run('diff', 'tidy', '--models', models, '--sql'), { exitCode: 0, events: [{ calls: 0, decisions: 2 }] })
  const text = readFileSync(join(migrations, '0003-tidy.sql'), 'utf8')
  t.match(text, '-- To decide: drops the column users.size and its values\n-- ALTER TABLE users DROP COLUMN size;\n')
  t.match(text, '-- To decide: the models do not have the index by_name\n-- DROP INDEX by_name;\n')
  t.match(await run('up'), { exitCode: 0 })
})

for (const [title, files, message] of [
  ['that are not there', {}, /models\.mjs does not exist/],
  ['without a model', { 'models.mjs': 'export const x = 1' }, /exports no models of Sequelize/],
  ['that cannot be loaded', { 'models.mjs': "throw new Error('oh')" }, /cannot be loaded: oh/],
  ['with an error of syntax', { 'models.mjs': '\nexport const x = ;' }, /models\.mjs:2:18 cannot be loaded/],
  [
    'with decorators, which Node would lose without a word',
    {
      'models.mjs': "export * from './user.ts'",
      'user.ts':
        "/** @x */\nimport { Model } from 'sequelize'\nexport class User extends Model {\n  @x() declare id: number\n}",
    },
    /user\.ts:4:3 cannot be loaded: @x\(\) declare id: number is a decorator.*--import tsx/,
  ],
  [
    'that nobody initialised',
    { 'models.mjs': "import { Model } from 'sequelize'\nexport class User extends Model {}" },
    /without a Sequelize instance: User/,
  ],
  [
    'that a function fails to make',
    { 'models.mjs': "export default () => { throw new Error('oh') }" },
    /does not make its models: oh/,
  ],
  ['that a function makes none of', { 'models.mjs': 'export default () => 1' }, /a Sequelize without models/],
  [
    'for another database',
    {
      'models.mjs': `import { DataTypes, Sequelize } from 'sequelize'\nexport const s = new Sequelize('postgres://a@b/c')\n;(${model})(s, DataTypes)`,
    },
    /is for postgres/,
  ],
] as const) {
  t.test(`models ${title} are refused with 2 and a hint, and nothing is written`, async t => {
    const { folder, run, migrations } = prepare(t, files)
    for (const words of [['verify'], ['diff', 'add-age']]) {
      const outcome = await run(...words, '--models', join(folder, 'models.mjs'))
      t.match(outcome, { exitCode: 2, failure: 'CONFIG_INVALID', stdout: '' })
      t.match(outcome.stderr, message)
    }
    t.strictSame(readdirSync(migrations), ['0001-create-users.js'])
    t.notOk(existsSync('/nowhere'))
  })
}
