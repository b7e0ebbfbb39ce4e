import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isCode, rules } from '../../../src/migrations/lint/rules.ts'
import { root } from '../../help/program.ts'

t.test('the table in docs/commands/lint.md is this table', async t => {
  const text = readFileSync(join(root, 'docs/commands/lint.md'), 'utf8')
  const rows = [...text.matchAll(/^\| ([A-Z]{2}\d{3}) \| (.+) \| (.+) \| (.+) \| (.+) \|$/gm)]
  t.strictSame(
    rows.map(([, code, level, does, seen, cure]) => ({ code, level, does, seen, cure })),
    Object.entries(rules).map(([code, { level, does, seen, cure }]) => ({ code, level, does, seen, cure })),
  )
})

t.test('a code is one of the table', async t => {
  t.equal(isCode('DS102'), true)
  for (const text of ['DS101', '', 'toString', 'ds102']) t.equal(isCode(text), false)
})
