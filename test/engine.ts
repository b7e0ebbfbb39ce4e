import t from 'tap'
import { noResult, runPlain } from '../src/engine.ts'

t.test('plainly, a statement runs once and its outcome is given on', async t => {
  let runs = 0
  const outcome = runPlain({ sql: 'SELECT 1', bound: [] }, () => {
    runs += 1
    return { ...noResult, changes: 7 }
  })
  t.strictSame([runs, outcome], [1, { sql: '', reads: false, rows: [], changes: 7, lastID: 0 }])
})
