import t from 'tap'
import { reasonOf } from '../../src/migrations/reason.ts'

t.test('the reason is what SQLite said, where Sequelize wrapped it', async t => {
  const wrapped = Object.assign(new Error('Validation error'), { parent: new Error('UNIQUE constraint failed: a.x') })
  t.equal(reasonOf(wrapped), 'UNIQUE constraint failed: a.x')
  t.equal(reasonOf(new Error('plain')), 'plain')
  t.equal(reasonOf('words'), 'words')
})
