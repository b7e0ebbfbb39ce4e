import t from 'tap'
import { counted } from '../src/counted.ts'

t.test('one thing is one, others are several', async t => {
  t.strictSame([counted(0, 'row'), counted(1, 'row'), counted(475_200, 'row')], ['0 rows', '1 row', '475,200 rows'])
})
