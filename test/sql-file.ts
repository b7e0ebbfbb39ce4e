import t from 'tap'
import { parseSqlFile } from '../src/sql-file.ts'

const parse = (text: string) => parseSqlFile('/m/0004-a.sql', text)

t.test('what stands below each marker keeps its lines, so that places in it are those of the file', async t => {
  const text = '-- Why.\n\n-- migrate:up\nCREATE TABLE a (x);\n-- migrate:down\nDROP TABLE a;\n'
  t.strictSame(parse(text), {
    up: '\n\n\nCREATE TABLE a (x);\n\n\n',
    down: '\n\n\n\n\nDROP TABLE a;\n',
    removesRows: [],
  })
})

t.test('a part for down without a statement is none', async t => {
  t.equal(parse('-- migrate:up\nSELECT 1;').down, undefined)
  t.equal(parse('-- migrate:up\nSELECT 1;\n-- migrate:down\n-- cannot be undone\n;').down, undefined)
})

t.test('a file as dbmate makes it is read, and one with a byte order mark', async t => {
  t.match(parse('\ufeff-- migrate:up transaction:true\nSELECT 1;\n\n-- migrate:down\n'), { down: undefined })
  t.match(parse('/* A licence; */\n--migrate:UP\nSELECT 1;'), { up: '\n\nSELECT 1;' })
})

t.test('the tables whose rows go are named in any number of lines', async t => {
  const text = '-- removes-rows: metrics, "old servers"\n-- migrate:up\nDELETE FROM a;\n-- removes-rows:b\n'
  t.strictSame(parse(text).removesRows, ['metrics', 'old servers', 'b'])
})

for (const [title, text, message] of [
  ['without a marker', 'SELECT 1;', /^\/m\/0004-a.sql has no line "-- migrate:up"/],
  ['with nothing in it', '', /has no line/],
  ['whose up was not written', '-- migrate:up\n-- such as: SELECT 1;\n', /^\/m\/0004-a.sql:1 has no statement/],
  ['whose down stands first', '-- migrate:down\nSELECT 1;\n-- migrate:up\nSELECT 1;', /sql:1 .* before/],
  ['with two parts for up', '-- migrate:up\nSELECT 1;\n-- migrate:up\nSELECT 2;', /sql:3 .* again/],
  ['with two parts for down', '-- migrate:up\nS\n-- migrate:down\nS\n-- migrate:down\n', /sql:5 .* again/],
  ['with a statement above the marker', 'SELECT 1;\n-- migrate:up\nSELECT 2;', /a statement above/],
  ['with a misspelt marker', '-- migrate:up\nSELECT 1;\n-- migrate:dwon\n', /sql:3 .*Did you mean down\?/],
  ['that asks for no transaction', '-- migrate:up transaction:false\nSELECT 1;', /sql:1 asks for no transaction/],
  ['with another option', '-- migrate:up env:test\nSELECT 1;', /sql:1 has the unknown option env:test/],
  ['that announces no table', '-- migrate:up\n-- removes-rows:\nSELECT 1;', /sql:2 names no table/],
  ['that announces half a list', '-- removes-rows: a,\n-- migrate:up\nSELECT 1;', /sql:1 names no table/],
] as const) {
  t.test(`a file ${title} is refused`, async t => {
    t.throws(() => parse(text), { code: 'CONFIG_INVALID', message })
  })
}
