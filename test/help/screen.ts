import { styleText } from 'node:util'
import { createPaint, type Screen } from '../../src/log.ts'

/** What standard output or the log is when it goes to a file or a pipe. */
export const pipe: Screen = {
  terminal: false,
  columns: Number.POSITIVE_INFINITY,
  ...createPaint((_, text) => text),
}

/** A terminal of so many columns, in colours. */
export const terminalOf = (columns: number): Screen => ({
  terminal: true,
  columns,
  paint: (style, text) => styleText(style, text, { validateStream: false }),
  show: text => text,
})
