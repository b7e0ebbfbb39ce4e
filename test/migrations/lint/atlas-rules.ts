import t from 'tap'
import { atlasRules } from '../../../src/migrations/lint/atlas-rules.ts'

t.test('what loses data, or fails on every table with rows, is an error; what depends is a warning', async t => {
  const errors = Object.entries(atlasRules).filter(([, { level }]) => level === 'error')
  t.strictSame(
    errors.map(([code]) => code),
    ['DS102', 'DS103', 'MF103'],
  )
})
