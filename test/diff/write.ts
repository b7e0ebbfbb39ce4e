import t from 'tap'
import { writeText } from '../../src/diff/write.ts'

const form = { language: 'js', types: '' } as const

t.test('what no part changes is told in a comment, also in a migration of nothing else', async t => {
  const left = [{ object: 'view v', what: 'definition', expected: 'SELECT 1', found: null }]
  const { text, decisions } = writeText('the database', { up: [], down: [], left }, form)
  t.match(
    text,
    /up = async \(\) => \{\n {2}\/\/ To decide: this migration does not change view v definition: SELECT 1 in place of nothing\n\}/,
  )
  t.match(text, 'down = async () => {}')
  t.equal(decisions, 1)
})

t.test('a statement is the same text in JavaScript, whatever it holds', async t => {
  const sql = `UPDATE \`a\` SET x = '\\'\n|| '$\{y}'`
  const part = { step: { does: 'sql', sql }, decide: undefined, statements: [sql] } as const
  const { text } = writeText('the database', { up: [part], down: [], left: [] }, form)
  const [, template = ''] = /(`[\s\S]*`)/.exec(text) ?? []
  t.equal(new Function(`return ${template}`)(), sql)
})

t.test('so are names and types', async t => {
  const table = "it's a \\ \n table"
  const part = {
    step: { does: 'change type', table, column: 'x', type: 'TEXT' },
    decide: undefined,
    statements: [],
  } as const
  const { text } = writeText('the database', { up: [part], down: [], left: [] }, form)
  const [, call = ''] = /await schema\.(changeColumn\(.*\))/.exec(text) ?? []
  t.strictSame(
    new Function('changeColumn', `return ${call}`)((...words: readonly unknown[]) => words),
    [table, 'x', { type: 'TEXT' }],
  )
})
