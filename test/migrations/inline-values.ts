import Database from 'better-sqlite3'
import fc from 'fast-check'
import t from 'tap'
import { inlineValues } from '../../src/migrations/inline-values.ts'

const connection = new Database(':memory:')
t.teardown(() => connection.close())
const inline = (sql: string, bound: readonly unknown[] | Record<string, unknown>) =>
  inlineValues(connection, { sql, bound })

t.test('values stand where their parameters were, by name and by place', async t => {
  t.equal(inline('SELECT $1, $name, $1', { 1: 'it’s', name: null }), "SELECT 'it’s', NULL, 'it’s'")
  t.equal(inline('SELECT ?,? + ?', [1, 2n, "o'clock"]), "SELECT 1.0,2 + 'o''clock'")
})

t.test('what only looks like a parameter stays', async t => {
  const sql = `SELECT '$1', "$1", \`$1\`, [$1], a$1 -- $1 ?\n, /* $1 ? */ json('$.a')`
  t.equal(inline(sql, { 1: 'x' }), sql)
})

t.test('a parameter without a value stays one, as does a value that SQLite cannot have', async t => {
  t.equal(inline('SELECT $1, $2', { 2: 'x' }), "SELECT $1, 'x'")
  t.equal(inline('SELECT $1', { 1: new Date(0) }), 'SELECT $1')
})

t.test('the statement gives what it gave with its values, type and all', async t => {
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('\0', 'a\0b', "'", '$1', '?', '--', '', '\ud800'),
    fc.double({ noNaN: true }),
    fc.integer(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.uint8Array().map(bytes => Buffer.from(bytes)),
    fc.constant(null),
  )
  const read = (sql: string, bound: Record<string, unknown>) => connection.prepare(sql).safeIntegers().raw().get(bound)
  fc.assert(
    fc.property(value, value, (first, second) => {
      const sql = 'SELECT $first, typeof($first), hex($first), $2, typeof($2), hex($2)'
      t.strictSame(read(inline(sql, { first, 2: second }), {}), read(sql, { first, 2: second }))
    }),
    { numRuns: 500 },
  )
})
