import { stripVTControlCharacters } from 'node:util'
import t from 'tap'
import type { Status } from '../../src/commands/status.ts'
import { statusText } from '../../src/commands/status-text.ts'
import { pipe, terminalOf } from '../help/screen.ts'

const empty: Status = {
  database: '/app/data/homelab.db',
  ready: false,
  bytes: 0,
  journalMode: null,
  applied: 0,
  pending: 1,
  migrations: [{ name: '0001-create-servers', state: 'pending', appliedAt: null, milliseconds: null, migrator: null }],
  conflicts: [],
  tables: [],
  marker: null,
  backups: [],
}
const marker = {
  schema: '0002-b',
  migrations: 2,
  database: 'homelab.db',
  fingerprint: 'sha256:1',
  checkedAt: null,
  readyAt: '2026-01-18T10:00:05.000Z',
  version: '1.0.0',
  seen: '1-1',
}
const full: Status = {
  ...empty,
  ready: true,
  bytes: 84_200_000,
  journalMode: 'wal',
  applied: 2,
  pending: 1,
  migrations: [
    { name: '0001-create-servers', state: 'changed', appliedAt: null, milliseconds: null, migrator: null },
    {
      name: '0002-b',
      state: 'applied',
      appliedAt: '2026-01-18T10:00:00.250Z',
      milliseconds: 12_345,
      migrator: '1.0.0',
    },
    { name: '0003-c', state: 'pending', appliedAt: null, milliseconds: null, migrator: null },
  ],
  conflicts: [
    { code: 'HISTORY_CONFLICT', name: '0001-create-servers', finding: 'was changed', hint: 'Put the old text back.' },
  ],
  tables: [
    { name: 'metrics', rows: 475_200 },
    { name: 'servers', rows: 11 },
  ],
  marker,
  backups: [{ file: '/app/data/backups/homelab-0001-x.db', bytes: 1000, madeAt: '2026-01-17T10:00:00.000Z' }],
}

t.test('an empty volume has little to tell', async t => {
  t.equal(
    statusText(empty, pipe),
    `/app/data/homelab.db: 0 applied, 1 pending, not ready
no database yet

  migration            state    applied (UTC)  took  by
  0001-create-servers  pending

no ready marker
no backups
`,
  )
})

t.test('everything that is there is told, and what is wrong with what to do', async t => {
  t.equal(
    statusText(full, pipe),
    `/app/data/homelab.db: 2 applied, 1 pending, ready at 0002-b
84.2 MB, journal mode wal

  migration            state    applied (UTC)        took       by
  0001-create-servers  changed
  0002-b               applied  2026-01-18 10:00:00  12,345 ms  1.0.0
  0003-c               pending

HISTORY_CONFLICT: 0001-create-servers was changed
  Put the old text back.

  table    rows
  metrics  475,200
  servers  11

ready marker of 0002-b, written 2026-01-18 10:00:05
1 backup:
  backup             size    made (UTC)
  homelab-0001-x.db  1.0 kB  2026-01-17 10:00:00
`,
  )
})

t.test('with nothing pending a ready volume is ready, and no more is to say', async t => {
  t.match(statusText({ ...full, pending: 0 }, pipe), '2 applied, 0 pending, ready\n')
})

t.test('a marker that is not true is told apart', async t => {
  t.match(
    statusText({ ...full, ready: false }, pipe),
    'ready marker of 0002-b, written 2026-01-18 10:00:05, not true of this database\n',
  )
})

t.test('on a terminal the words are the same, and colours tell what needs a look', async t => {
  const text = statusText(full, terminalOf(80))
  t.equal(stripVTControlCharacters(text), statusText(full, pipe))
  const { paint } = terminalOf(80)
  for (const [style, word] of [
    ['bold', 'migration'],
    ['green', 'applied'],
    ['yellow', 'pending'],
    ['red', 'changed'],
    ['red', 'HISTORY_CONFLICT'],
    ['green', 'ready at 0002-b'],
  ] as const)
    t.match(text, paint(style, word))
  t.match(statusText(empty, terminalOf(80)), paint('yellow', 'not ready'))
})

t.test('on a narrow terminal nothing is cut, and no line of a table is too wide', async t => {
  const text = stripVTControlCharacters(statusText(full, terminalOf(50)))
  t.match(text, '  0002-b\n    applied  2026-01-18 10:00:00  12,345 ms  1.0.0\n')
  const tables = text.split('\n').filter(line => line.startsWith('  '))
  t.ok(tables.every(line => line.length <= 50))
})
