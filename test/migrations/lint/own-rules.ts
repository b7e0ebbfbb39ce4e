import t from 'tap'
import { atlasRules } from '../../../src/migrations/lint/atlas-rules.ts'
import { ownRules } from '../../../src/migrations/lint/own-rules.ts'

t.test('our own codes begin with HM, and none is one of Atlas', async t => {
  for (const code of Object.keys(ownRules)) {
    t.match(code, /^HM\d{3}$/)
    t.equal(code in atlasRules, false)
  }
})
