import t from 'tap'
import { isConstant } from '../../../src/migrations/lint/constant.ts'

for (const value of ['1', '-1', "'x'", 'NULL', 'TRUE', "x'00'", '1.5e3'])
  t.test(`${value} is a constant`, async t => t.equal(isConstant(value), true))
for (const value of ['CURRENT_TIMESTAMP', 'current_date', "datetime('now')", '1 + 1', 'random()', "'a' || 'b'"])
  t.test(`${value} is none`, async t => t.equal(isConstant(value), false))
