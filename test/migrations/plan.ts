import Database from 'better-sqlite3'
import t from 'tap'
import type { AppliedMigration } from '../../src/history.ts'
import type { MigrationFile } from '../../src/migrations/files.ts'
import { isFromOtherTool, makePlan, readPlan, refuseConflicts } from '../../src/migrations/plan.ts'
import { migrationMeant } from '../../src/named.ts'
import type { Connection } from '../../src/sqlite/connect.ts'
import { readerOf } from '../../src/sqlite/reader.ts'
import { prepareHistory } from '../../src/sqlite/write-history.ts'

/** `name` or `name=checksum`; without one every migration has the checksum `same` */
const parts = (text: string) => {
  const [name = '', checksum = 'same'] = text.split('=')
  return { name, checksum: checksum === 'null' ? null : checksum }
}
const known = (text: string): MigrationFile => ({
  file: `/m/${text}.ts`,
  ...parts(text),
  text: '',
  checksum: parts(text).checksum ?? '',
})
const applied = (text: string): AppliedMigration => ({
  ...parts(text),
  applied_at: null,
  duration_ms: null,
  migrator: null,
})

const open = (t: { teardown: (work: () => void) => void }, sql = '') => {
  const connection = new Database(':memory:')
  t.teardown(() => connection.close())
  connection.exec(sql)
  return connection
}
/** The conflicts of a database with the migration that sequelize-cli may have applied to it. */
const foundIn = async (connection: Connection) => (await readPlan(readerOf(connection), [known('0001-a')])).conflicts
const sequelizeMeta = 'CREATE TABLE SequelizeMeta (name VARCHAR(255) NOT NULL UNIQUE PRIMARY KEY);'

for (const [title, sql] of [
  ['an empty database', ''],
  ['what Litestream made', 'CREATE TABLE _litestream_seq (id); CREATE TABLE _litestream_lock (id)'],
  ['a view alone', 'CREATE VIEW v AS SELECT 1'],
  ["an empty history of another tool's alone", sequelizeMeta],
  [
    'a history that another tool wrote',
    `${sequelizeMeta} INSERT INTO SequelizeMeta VALUES ('0001-a.js'); CREATE TABLE a (x)`,
  ],
] as const) {
  t.test(`${title} is no conflict`, async t => {
    t.strictSame(await foundIn(open(t, sql)), [])
  })
}

for (const [title, sql] of [
  ['a table without history', 'CREATE TABLE a (x)'],
  ["a table beside an empty history of another tool's", `${sequelizeMeta} CREATE TABLE a (x)`],
] as const) {
  t.test(`${title} is a conflict, by its name`, async t => {
    t.match(await foundIn(open(t, sql)), [{ code: 'HISTORY_CONFLICT', name: 'table a', hint: /adopt/ }])
  })
}

t.test('a table of a person beside our history, with everything taken back, is none', async t => {
  const connection = open(t, 'CREATE TABLE a (x)')
  prepareHistory(connection, [])
  t.strictSame(await foundIn(connection), [])
})

for (const [title, knownNames, appliedNames, pending, conflicts] of [
  ['an empty database gets everything', ['0001-a', '0002-b'], [], ['0001-a', '0002-b'], []],
  ['a current database gets nothing', ['0001-a', '0002-b'], ['0001-a', '0002-b'], [], []],
  ['a database behind gets the rest', ['0001-a', '0002-b', '0003-c'], ['0001-a'], ['0002-b', '0003-c'], []],
  ['a record without checksum is accepted', ['0001-a'], ['0001-a=null'], [], []],
  ['an applied migration that changed is a conflict', ['0001-a=new'], ['0001-a=old'], [], ['HISTORY_CONFLICT 0001-a']],
  [
    'an applied migration whose file is gone is a conflict',
    ['0001-a', '0003-c'],
    ['0001-a', '0002-b', '0003-c'],
    [],
    ['HISTORY_CONFLICT 0003-c', 'HISTORY_CONFLICT 0002-b'],
  ],
  ['two with one number are a conflict', ['0001-a', '0001-b'], [], ['0001-a', '0001-b'], ['HISTORY_CONFLICT 0001-b']],
  ['one name in two files is a conflict', ['0001-a', '0001-a'], [], ['0001-a', '0001-a'], ['HISTORY_CONFLICT 0001-a']],
  [
    "names of sequelize-cli's have no gaps, and stand behind numbers",
    ['0001-a', '20240101120000-b', '20250101120000-c'],
    ['20240101120000-b=null'],
    ['0001-a', '20250101120000-c'],
    ['OUT_OF_ORDER 0001-a'],
  ],
  [
    "a database of sequelize-cli's with a later migration is ahead",
    ['20240101120000-a'],
    ['20240101120000-a=null', '20250101120000-b=null'],
    [],
    ['DATABASE_AHEAD 20250101120000-b'],
  ],
  ['a gap is a conflict', ['0001-a', '0003-c'], [], ['0001-a', '0003-c'], ['HISTORY_CONFLICT 0003-c']],
  ['numbers begin at 1', ['0000-a'], [], ['0000-a'], ['HISTORY_CONFLICT 0000-a']],
  ['a database from a newer image is ahead', ['0001-a'], ['0001-a', '0002-b'], [], ['DATABASE_AHEAD 0002-b']],
  [
    "another tool's record is a conflict, and nothing is out of order by it",
    ['0001-a', '0002-b'],
    ['0001-a=null', '20260118185800-create-servers=null'],
    ['0002-b'],
    ['HISTORY_CONFLICT 20260118185800-create-servers'],
  ],
  [
    'also one with a number that was never the last',
    ['0001-a', '0002-b'],
    ['0001-create-all=null', '0002-b=null'],
    ['0001-a'],
    ['HISTORY_CONFLICT 0001-create-all', 'OUT_OF_ORDER 0001-a'],
  ],
  [
    "a newer version's record is ahead, whichever tool wrote it",
    ['0001-a'],
    ['0001-a=null', '0002-b=null'],
    [],
    ['DATABASE_AHEAD 0002-b'],
  ],
  [
    'a renamed file is told as that, not as a newer version or out of order',
    ['0001-a', '0002-b=same'],
    ['0001-a', '0002-bold=same'],
    ['0002-b'],
    ['HISTORY_CONFLICT 0002-bold'],
  ],
  [
    "a newer image's migration with the text of a pending file is ahead, not renamed",
    ['0001-a', '0002-b=same'],
    ['0001-a', '0002-c=theirs', '0003-b=same'],
    ['0002-b'],
    ['DATABASE_AHEAD 0002-c', 'DATABASE_AHEAD 0003-b', 'OUT_OF_ORDER 0002-b'],
  ],
  [
    "also one of sequelize-cli's",
    ['20240101120000-a=same'],
    ['20250101120000-b=same'],
    ['20240101120000-a'],
    ['DATABASE_AHEAD 20250101120000-b', 'OUT_OF_ORDER 20240101120000-a'],
  ],
  ['pending before applied is out of order', ['0001-a', '0002-b'], ['0002-b'], ['0001-a'], ['OUT_OF_ORDER 0001-a']],
  [
    'all reasons are reported together',
    ['0001-a=new', '0002-b', '0004-d'],
    ['0001-a=old', '0003-x=gone', '0005-e=newer'],
    ['0002-b', '0004-d'],
    [
      'HISTORY_CONFLICT 0004-d',
      'HISTORY_CONFLICT 0001-a',
      'HISTORY_CONFLICT 0003-x',
      'DATABASE_AHEAD 0005-e',
      'OUT_OF_ORDER 0002-b',
      'OUT_OF_ORDER 0004-d',
    ],
  ],
] as const) {
  t.test(title, async t => {
    const plan = makePlan(knownNames.map(known), appliedNames.map(applied))
    t.strictSame(
      plan.pending.map(({ name }) => name),
      pending,
    )
    t.strictSame(
      plan.conflicts.map(({ code, name }) => `${code} ${name}`),
      conflicts,
    )
  })
}

t.test("a record is another tool's when it has no checksum, no file, and is no newer version's", async t => {
  const ours = ['0001-a', '0002-b'].map(known)
  for (const name of ['20260118185800-a=null', '0001-b=null']) t.equal(isFromOtherTool(applied(name), ours), true, name)
  for (const name of ['0001-a=null', '0001-b', '0003-c=null'])
    t.equal(isFromOtherTool(applied(name), ours), false, name)
})

t.test('no conflicts are not refused; of several the worst gives the code, and all are told', async t => {
  t.doesNotThrow(() => refuseConflicts([], 'x.db'))
  const conflicts = (['OUT_OF_ORDER', 'DATABASE_AHEAD', 'HISTORY_CONFLICT'] as const).map(code => ({
    code,
    name: `of ${code}`,
    finding: 'is so',
    hint: 'Mend it.',
  }))
  const refuse = (count: number) => () => refuseConflicts(conflicts.slice(0, count), 'x.db')
  t.throws(refuse(1), { code: 'OUT_OF_ORDER' })
  t.throws(refuse(2), { code: 'DATABASE_AHEAD' })
  t.throws(refuse(3), { code: 'HISTORY_CONFLICT', message: /OUT_OF_ORDER.*DATABASE_AHEAD/, hint: 'Mend it.' })
})

const files = ['0001-a', '0002-bc', '0002-bd', '0010-e', '20240101120000-f'].map(name => ({ name }))
const meantBy = (word: string) => migrationMeant(word, files, '/migrations').name

t.test('a migration is meant by its name, its number, or a beginning that no other has', async t => {
  for (const [word, name] of [
    ['0001-a', '0001-a'],
    ['1', '0001-a'],
    ['0001', '0001-a'],
    ['10', '0010-e'],
    ['0002-bc', '0002-bc'],
    ['2024', '20240101120000-f'],
    ['001', '0001-a'],
  ] as const)
    t.equal(meantBy(word), name, word)
})

for (const [word, message] of [
  ['0001-b', 'there is no migration 0001-b in /migrations (Did you mean 0001-a?)'],
  ['nothing like it', 'there is no migration nothing like it in /migrations'],
  ['0001-a.ts', 'there is no migration 0001-a.ts in /migrations (Did you mean 0001-a?)'],
  ['', 'there is no migration  in /migrations'],
  ['3', 'there is no migration 3 in /migrations'],
  ['2', '2 fits several migrations: 0002-bc, 0002-bd'],
  ['0002-b', '0002-b fits several migrations: 0002-bc, 0002-bd'],
  ['00', '00 fits several migrations: 0001-a, 0002-bc, 0002-bd, 0010-e'],
] as const) {
  t.test(`${JSON.stringify(word)} is refused`, async t => {
    t.throws(() => meantBy(word), { code: 'CONFIG_INVALID', message })
  })
}
