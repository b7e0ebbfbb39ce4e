import t from 'tap'
import { printable } from '../src/printable.ts'
import { terminalOf } from './help/screen.ts'

const { paint } = terminalOf(80)

t.test('a line break is a space, and what else a terminal obeys is shown by its code', async t => {
  t.equal(printable('two\nlines\r\t'), 'two lines\\x0d\\x09')
  t.equal(printable('\u001b[2Jgone\u0007\u009b1m'), '\\x1b[2Jgone\\x07\\x9b1m')
})

t.test('colours and letters of all kinds stay', async t => {
  for (const text of [paint('red', 'wrong'), 'Größe', '\u65e5\u672c', '']) t.equal(printable(text), text)
})
