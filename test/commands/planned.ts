import t from 'tap'
import { toPlanned } from '../../src/commands/planned.ts'
import type { Trial, TrialEnd } from '../../src/commands/trials.ts'
import { finding } from '../../src/migrations/lint/finding.ts'
import { recordStatements } from '../help/recorded.ts'

const end: TrialEnd = {
  after: [{ name: 'b', rows: 1 }],
  valuesAfter: [],
  milliseconds: 7.6,
  bytes: 4096,
  returned: true,
}
const tryOut = async (
  t: Parameters<typeof recordStatements>[0],
  statements: readonly string[],
  end: TrialEnd | undefined,
): Promise<Trial> => ({
  migration: { name: '0001-a', file: '', checksum: '', up: async () => undefined, down: undefined, removesRows: [] },
  recording: await recordStatements(t, 'CREATE TABLE a (x)', statements),
  before: [{ name: 'a', rows: 2 }],
  valuesBefore: [{ table: 'a', column: 'x', number: 2 }],
  end,
})
const statements = ['DROP TABLE a', 'CREATE TABLE b (x)', 'PRAGMA cache_size = 7']

t.test('a trial becomes what is shown: statements, structure, rows, findings', async t => {
  const planned = toPlanned(await tryOut(t, statements, end), [finding('HM502', 'calls Date.now', undefined)], '')
  t.match(planned, {
    name: '0001-a',
    statements: [{ sql: 'DROP TABLE a', asked: 'DROP TABLE a', rows: 0, error: null }, {}, {}],
    structure: [
      { change: 'removed', kind: 'table', name: 'a' },
      { change: 'added', kind: 'table', name: 'b' },
    ],
    tables: [
      { name: 'a', before: 2, after: null },
      { name: 'b', before: null, after: 1 },
    ],
    lost: [],
    milliseconds: 8,
    bytes: 4096,
    findings: [
      { code: 'HM502', direction: null },
      { code: 'DS102', direction: 'up', level: 'error' },
      { code: 'HM202', level: 'warning' },
    ],
  })
  for (const { milliseconds } of planned.statements) t.equal(milliseconds, Number(milliseconds.toFixed(3)))
})

t.test('of one that failed only the statements are judged, of one that did not end there is no after', async t => {
  t.match(toPlanned(await tryOut(t, statements, { ...end, returned: false }), [], '').findings, [{ code: 'HM202' }])
  t.match(toPlanned(await tryOut(t, statements, undefined), [], ''), {
    tables: [{ name: 'a', before: 2, after: null }],
    milliseconds: null,
    bytes: null,
    findings: [{ code: 'HM202' }],
  })
})

t.test('columns with fewer values than before are told, unless as many rows went', async t => {
  const values = (table: string, number: number) => [{ table, column: 'x', number }]
  const rebuild = ['CREATE TABLE n (x)', 'INSERT INTO n SELECT x FROM a', 'DROP TABLE a', 'ALTER TABLE n RENAME TO a']
  for (const [title, statements, name, rows, number, lost] of [
    ['rebuilt, with NULL', rebuild, 'a', 2, 0, [{ of: 'a.x', number: 2, text: 'a.x had 2 values and has 0 after it' }]],
    ['renamed', ['ALTER TABLE a RENAME TO b'], 'b', 2, 1, [{ of: 'a.x', number: 1 }]],
    ['with a row that went', ['DELETE FROM a WHERE x = 1'], 'a', 1, 1, []],
    ['dropped', ['DROP TABLE a', 'CREATE TABLE b (x)'], 'b', 2, 0, []],
  ] as const) {
    const trial = await tryOut(t, statements, { ...end, after: [{ name, rows }], valuesAfter: values(name, number) })
    const planned = toPlanned(trial, [], '')
    t.match(planned.lost, lost, title)
    t.equal(planned.lost.length, lost.length, title)
    const failed = await tryOut(t, statements, { ...end, returned: false })
    t.strictSame(toPlanned(failed, [], '').lost, [])
  }
})

t.test('findings that the file silences are not there; that it silences too much is for lint to say', async t => {
  const text = '// lint-ok DS102: empty everywhere\n// lint-ok HM402: no down\n'
  t.match(toPlanned(await tryOut(t, ['DROP TABLE a'], end), [], text).findings, [])
  t.match(toPlanned(await tryOut(t, ['DROP TABLE a'], end), [], '// lint-ok DS102').findings, [
    { code: 'DS102' },
    { code: 'HM901' },
  ])
})
