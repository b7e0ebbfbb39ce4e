import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { attempt, Failure } from '../../src/failure.ts'
import { openDatabase } from '../../src/sqlite/connect.ts'
import { isBusy, isLogicError, sqliteCode, toFailure } from '../../src/sqlite/errors.ts'
import { root } from '../help/program.ts'
import { asOther, notRoot } from '../help/user.ts'

const sqliteError = (code: string) => Object.assign(new Error('what SQLite says'), { code })

const folder = t.testdir()
const file = join(folder, 'x.db')

for (const [code, expected] of [
  ['SQLITE_NOTADB', 'DATABASE_DAMAGED'],
  ['SQLITE_CORRUPT_INDEX', 'DATABASE_DAMAGED'],
  ['SQLITE_FULL', 'DISK_FULL'],
  ['SQLITE_IOERR_WRITE', 'DISK_FULL'],
  ['SQLITE_IOERR_SHORT_READ', 'DISK_FULL'],
  ['SQLITE_IOERR_SHMSIZE', 'DISK_FULL'],
  ['SQLITE_IOERR_NOMEM', 'CONFIG_INVALID'],
  ['SQLITE_IOERR_GETTEMPPATH', 'CONFIG_INVALID'],
  ['SQLITE_READONLY_DBMOVED', 'DATABASE_BUSY'],
  ['SQLITE_READONLY_DIRECTORY', 'VOLUME_NOT_WRITABLE'],
  ['SQLITE_CANTOPEN', 'VOLUME_NOT_WRITABLE'],
  ['SQLITE_CANTOPEN_SYMLINK', 'CONFIG_INVALID'],
  ['SQLITE_IOERR_LOCK', 'FILESYSTEM_UNSUITABLE'],
  ['SQLITE_IOERR_SHMMAP', 'FILESYSTEM_UNSUITABLE'],
  ['SQLITE_PROTOCOL', 'FILESYSTEM_UNSUITABLE'],
  ['SQLITE_BUSY_SNAPSHOT', 'DATABASE_BUSY'],
  ['SQLITE_LOCKED', 'DATABASE_BUSY'],
] as const) {
  t.test(`${code} is ${expected}`, async t => {
    t.match(toFailure(sqliteError(code), file), { code: expected })
    t.match(toFailure(sqliteError(code), file), { message: code.endsWith('TEMPPATH') ? /temporary/ : /x\.db/ })
  })
}

t.test('every result code of SQLite has its meaning: a failure, or the fault of whoever wrote the SQL', async t => {
  // as the driver names them
  const driver = readFileSync(join(root, 'node_modules/better-sqlite3/src/util/constants.cpp'), 'utf8')
  const all = [...driver.matchAll(/"(SQLITE_\w+)"/g)].map(([, name]) => String(name))
  const codes = all.filter(name => !/^SQLITE_(?:OK|ROW|DONE|NOTICE|WARNING)(?:_|$)/.test(name))
  t.ok(codes.length > 90, `${codes.length} codes`)
  const faults = codes.filter(code => !(toFailure(sqliteError(code), file) instanceof Failure))
  const ofSql = /^SQLITE_(?:ABORT|CONSTRAINT|MISMATCH|RANGE|MISUSE|INTERNAL|NOTFOUND|EMPTY|FORMAT)(?:_|$)/
  t.strictSame(
    faults.filter(code => !ofSql.test(code)),
    [],
  )
  t.equal(toFailure(sqliteError('SQLITE_NEVER_HEARD_OF'), file) instanceof Failure, false)
})

t.test('what SQLite cannot open for want of the folder, or of room, is told as such', async t => {
  const missing = join(folder, 'none', 'x.db')
  t.match(toFailure(sqliteError('SQLITE_CANTOPEN'), missing), { code: 'VOLUME_MISSING' })
  const opened = attempt(() => openDatabase(missing))
  t.match('error' in opened && toFailure(opened.error, missing), { code: 'VOLUME_MISSING' })
})

t.test('an error of the filesystem is told as such', async t => {
  t.match(toFailure(Object.assign(new Error('no room'), { code: 'ENOSPC' }), 'x.db'), { code: 'DISK_FULL' })
})

t.test('an error in SQL that is right for every sound database is damage', async t => {
  t.match(toFailure(sqliteError('SQLITE_ERROR'), 'x.db'), { code: 'DATABASE_DAMAGED' })
})

t.test('what keeps this user from the folder is told, and not what SQLite takes it for', { skip: notRoot }, async t => {
  const folder = t.testdir()
  const path = join(folder, 'x.db')
  const failure = () => asOther(() => toFailure(sqliteError('SQLITE_CANTOPEN'), path))
  t.match(
    await failure(),
    { code: 'VOLUME_NOT_WRITABLE', message: /x\.db cannot be opened for writing/ },
    'files cannot be made',
  )
  chmodSync(folder, 0o700)
  t.match(await failure(), { code: 'VOLUME_NOT_WRITABLE', message: /EACCES/ }, 'it cannot be looked into')
})

t.test('what only its hub can read is no damage', async t => {
  for (const message of [
    'no such collation sequence: german',
    'no such module: vec0',
    'unknown function: f()',
    'no such tokenizer: x',
  ]) {
    const error = Object.assign(new Error(message), { code: 'SQLITE_ERROR' })
    t.match(toFailure(error, 'x.db'), { code: 'CONFIG_INVALID', message: /only the hub can read/ })
  }
})

t.test('what SQLite cannot run for what the schema says is told from damage', async t => {
  t.equal(isLogicError(sqliteError('SQLITE_ERROR')), true)
  t.equal(isLogicError(sqliteError('SQLITE_CORRUPT')), false)
  t.equal(isLogicError(new Error('no such module: x')), false)
})

t.test('other errors stay what they are', async t => {
  for (const error of [new TypeError('a bug'), sqliteError('SQLITE_MISUSE'), 'words', undefined]) {
    t.equal(toFailure(error, 'x.db'), error)
  }
})

t.test('a Failure stays what it is', async t => {
  const failure = new Failure('DISK_FULL', 'full', 'hint', sqliteError('SQLITE_CORRUPT'))
  t.equal(toFailure(failure, 'x.db'), failure)
})

t.test("the code is found through a cause and through Sequelize's parent", async t => {
  t.equal(sqliteCode(new Error('outer', { cause: sqliteError('SQLITE_FULL') })), 'SQLITE_FULL')
  t.equal(sqliteCode(Object.assign(new Error('outer'), { parent: sqliteError('SQLITE_BUSY') })), 'SQLITE_BUSY')
  t.equal(isBusy(new Error('no code')), false)
})
