import t from 'tap'
import { judge, judgeAbsence, judgeDamage, judgeHistory, judgeMarker } from '../../src/commands/judge.ts'
import { Failure } from '../../src/failure.ts'

const finding = { object: 'column a.x', what: 'default', expected: '1', found: '2' } as const
const truth = { schema: '0001-a', migrations: 1, database: 'x.db', fingerprint: 'sha256:1' }
const marker = { ...truth, checkedAt: null, readyAt: '2026-01-01T00:00:00.000Z', version: '1.0.0', seen: '1-1' }

t.test('a difference gets code and hint, what does no harm gets neither', async t => {
  t.strictSame(judge('structure', 'SCHEMA_DRIFT', 'Mend it.', [{ weight: 'difference', ...finding }]), [
    { check: 'structure', code: 'SCHEMA_DRIFT', weight: 'difference', ...finding, hint: 'Mend it.' },
  ])
  for (const weight of ['tolerated', 'information'] as const)
    t.match(judge('structure', 'SCHEMA_DRIFT', 'Mend it.', [{ weight, ...finding }]), [
      { code: null, weight, hint: null },
    ])
})

t.test('damage is told as the failure has it', async t => {
  t.match(judgeDamage('x.db', new Failure('DATABASE_DAMAGED', 'x.db is damaged', 'Restore it.')), [
    { check: 'damage', code: 'DATABASE_DAMAGED', object: 'x.db', found: 'x.db is damaged', hint: 'Restore it.' },
  ])
})

t.test('each conflict of the history keeps its code, and pending is information', async t => {
  const conflicts = [{ code: 'OUT_OF_ORDER', name: '0001-a', finding: 'is pending', hint: 'Mend it.' }] as const
  t.match(judgeHistory(conflicts, [{ name: '0002-b', file: '/m/0002-b.ts', checksum: '' }]), [
    { code: 'OUT_OF_ORDER', weight: 'difference', object: '0001-a', found: 'is pending', hint: 'Mend it.' },
    { code: null, weight: 'information', object: '0002-b', what: 'pending' },
  ])
})

t.test('a true marker is no finding; one that is missing, or not true in a field, is', async t => {
  t.strictSame(judgeMarker(marker, truth), [])
  t.match(judgeMarker(undefined, truth), [{ code: 'NOT_READY', what: 'missing', found: null }])
  t.match(judgeMarker({ ...marker, migrations: 2 }, truth), [
    { code: 'NOT_READY', what: 'migrations', expected: '1', found: '2' },
  ])
})

t.test('a volume without a database is not ready', async t => {
  t.match(judgeAbsence('x.db'), [{ check: 'marker', code: 'NOT_READY', object: 'x.db', what: 'missing' }])
})
