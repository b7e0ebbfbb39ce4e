import t from 'tap'
import { elementsOf, isSameSql, textOf, tokensOf, unquote, wordAt } from '../../src/sqlite/sql.ts'

const words = (sql: string) => tokensOf(sql).map(({ text }) => text)

for (const [title, sql, expected] of [
  ['comments are left out', 'a -- b\n/* c */ d', ['a', 'd']],
  ['what looks like a comment in a string is none', '\'--\' "/*" `--`', ["'--'", '"/*"', '`--`']],
  ['a doubled quote does not end a string', "'it''s' x", ["'it''s'", 'x']],
  ['a name in brackets is one', '[a b] c', ['[a b]', 'c']],
  ['letters of other alphabets are letters', 'größe', ['größe']],
] as const) {
  t.test(title, async t => t.strictSame(words(sql), expected))
}

t.test('elements end at the commas of the outer list, not at those within', async t => {
  const elements = elementsOf("CREATE TABLE a (x CHECK (x IN (1, 2)), y DEFAULT ',') STRICT")
  t.strictSame(elements.map(textOf), ['x CHECK (x IN (1, 2))', "y DEFAULT ','"])
})

t.test('a statement without a list has no elements', async t => {
  t.strictSame(elementsOf('CREATE TABLE a AS SELECT 1'), [])
})

t.test('text is put together with one space where there was any', async t => {
  t.equal(textOf(tokensOf("  json_object(\n  'a  b',x -- so\n )")), "json_object( 'a  b',x )")
  t.equal(textOf([]), '')
})

t.test('a word is found from either end, and beyond both there is none', async t => {
  const tokens = tokensOf('a b c')
  t.strictSame(
    [0, -1, 3, -4].map(index => wordAt(tokens, index)),
    ['a', 'c', '', ''],
  )
})

for (const name of ['a"b', '"a""b"', "'a\"b'", '`a"b`', '[a"b]']) {
  t.test(`${name} is a"b without its quotes`, async t => t.equal(unquote(name), 'a"b'))
}

for (const [a, b] of [
  ['x>0', 'X > 0'],
  ['"x" -- so\n= 1', '`x` = 1'],
  ['"t"."x"', 't.x'],
  ['t."x"', '[t].x'],
  ['1.5e3', '1.5E3'],
] as const) {
  t.test(`${JSON.stringify(a)} says what ${JSON.stringify(b)} says`, async t => t.ok(isSameSql(a, b)))
}

for (const [a, b] of [
  ["'A'", "'a'"],
  ["'a  b'", "'a b'"],
  ['x > 0', 'x > 1'],
  ['1.5', '15'],
  ['"a b"', 'a b'],
  ["'x'", 'x'],
] as const) {
  t.test(`${a} does not say what ${b} says`, async t => t.notOk(isSameSql(a, b)))
}
