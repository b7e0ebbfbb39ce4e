import t from 'tap'
import { differenceLines } from '../../src/commands/difference-lines.ts'

t.test('each difference has a mark, what it is, its name and what is to be said', async t => {
  t.strictSame(
    differenceLines([
      { change: 'added', kind: 'column', name: 'servers.room', detail: 'TEXT' },
      { change: 'removed', kind: 'index', name: 'i', detail: 'on servers (room)' },
      { change: 'changed', kind: 'view', name: 'v', detail: 'its text' },
    ]),
    [
      '  + column  servers.room  TEXT',
      '  - index   i             on servers (room)',
      '  ~ view    v             its text',
    ],
  )
  t.strictSame(differenceLines([]), [])
})
