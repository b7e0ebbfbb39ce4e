import Database from 'better-sqlite3'
import t from 'tap'
import { sumValues } from '../../src/migrations/sum-values.ts'

/** The sum of x, of a table that holds values. */
const sumOf = (values: string, type = '', key: readonly string[] = ['id']) => {
  const connection = new Database(':memory:')
  connection.exec(`CREATE TABLE "o""d" (id, "x""y" ${type}); INSERT INTO "o""d" VALUES ${values}`)
  const sum = sumValues(connection, 'o"d', key, ['x"y']).get('x"y')
  connection.close()
  return sum
}
const two = "(1, 'a'), (2, 'b')"

t.test('the same values have the same sum, in whatever order, also where the key is of another type', async t => {
  t.equal(sumOf("(2, 'b'), (1, 'a')"), sumOf(two))
  t.equal(sumOf("('1', 'a'), ('2', 'b')"), sumOf(two))
  t.type(sumOf(two), 'number')
})

for (const [title, other] of [
  ['another value', "(1, 'a'), (2, 'c')"],
  ['values that changed places', "(1, 'b'), (2, 'a')"],
  ['another type', "(1, 'a'), (2, x'62')"],
  ['a row more', `${two}, (3, NULL)`],
  ['a row less', "(1, 'a')"],
  ['NULL', "(1, 'a'), (2, NULL)"],
] as const)
  t.test(`another sum has ${title}`, async t => t.not(sumOf(other), sumOf(two)))

t.test('no two of many pairs that changed places are alike', async t => {
  const pair = (one: number, other: number) => sumOf(`(1, ${one}), (2, ${other})`)
  for (let number = 1; number < 300; number += 1) t.not(pair(number, number + 1), pair(number + 1, number))
})

t.test('a number that an affinity made of a text is another value', async t => {
  t.not(sumOf("(1, '007')", 'INTEGER'), sumOf("(1, '007')", 'TEXT'))
  t.not(sumOf("(1, '7')", 'INTEGER'), sumOf("(1, '7')", 'TEXT'))
})

t.test('without a key it is the values alone', async t => {
  t.equal(sumOf("(3, 'a'), (4, 'b')", '', []), sumOf(two, '', []))
  t.not(sumOf("(1, 'a'), (2, 'c')", '', []), sumOf(two, '', []))
})
