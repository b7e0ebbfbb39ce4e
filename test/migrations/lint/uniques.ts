import Database from 'better-sqlite3'
import t from 'tap'
import { readStructure } from '../../../src/database/structure.ts'
import { describeUnique, implies, uniquesOf } from '../../../src/migrations/lint/uniques.ts'

/** What makes rows of the table that SQL makes unique. */
const read = (sql: string) => {
  const connection = new Database(':memory:')
  connection.exec(sql)
  const { tables } = readStructure(connection)
  connection.close()
  return tables.flatMap(uniquesOf)
}

t.test('unique indexes, UNIQUE and the primary key are told, and others are not', async t => {
  const made = `CREATE TABLE a (x TEXT COLLATE NOCASE, y UNIQUE, z, PRIMARY KEY (x, y)); CREATE INDEX i ON a (z);
    CREATE UNIQUE INDEX u ON a (z DESC, lower(x)) WHERE z > 0`
  t.strictSame(read(made).map(describeUnique), ['(y)', '(z, lower(x)) WHERE z > 0', '(x COLLATE NOCASE, y)'])
  t.strictSame(read('CREATE TABLE a (x)'), [])
})

for (const [title, strict, other, expected] of [
  ['is as strict as itself', '(x, y)', '(y, x)', true],
  ['of fewer columns is stricter', '(x)', '(x, y)', true],
  ['of more columns is not', '(x, y)', '(x)', false],
  ['of all rows is stricter than of some', '(x)', '(x) WHERE y > 0', true],
  ['of some rows is not than of all', '(x) WHERE y > 0', '(x)', false],
  ['of the same rows is as strict', '(x) WHERE y > 0', '(x, y) WHERE Y>0', true],
  ['of other rows is not', '(x) WHERE y > 0', '(x) WHERE y > 1', false],
  ['by NOCASE is stricter than by BINARY', '(x COLLATE NOCASE)', '(x)', true],
  ['by BINARY is not than by NOCASE', '(x)', '(x COLLATE NOCASE)', false],
] as const)
  t.test(`a unique index ${title}`, async t => {
    const [first, second] = read(
      `CREATE TABLE a (x, y); CREATE UNIQUE INDEX i ON a ${strict}; CREATE UNIQUE INDEX j ON a ${other}`,
    )
    t.equal(first && second && implies(first, second), expected)
  })
