import t from 'tap'
import { adoptedBy, wasAdopted } from '../src/history.ts'

const applied = (...migrators: readonly (string | null)[]) =>
  migrators.map(migrator => ({ name: '0001-a', checksum: null, applied_at: null, duration_ms: null, migrator }))

t.test('a database whose migrations this program applied was not adopted, nor was an empty one', async t => {
  t.equal(wasAdopted([]), false)
  t.equal(wasAdopted(applied('1.0.0', '1.1.0')), false)
})

t.test('one is enough that was there already, or that another tool recorded', async t => {
  t.equal(wasAdopted(applied(adoptedBy('1.0.0', 'Alembic'), '1.1.0')), true)
  t.equal(wasAdopted(applied('1.0.0', null)), true)
})

t.test('the record says by which version, and from which tool', async t => {
  t.equal(adoptedBy('1.0.0', 'Alembic'), '1.0.0, adopted from Alembic')
})
