import { attempt } from './attempt.ts'
import type { Screen } from './screen.ts'
import { writeText } from './write-text.ts'

export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]
export type LogFormat = 'text' | 'json'

/**
 * `event` is a stable name for machines, `message` a sentence for people, `data` what machines may want besides. All of them
 * are listed in docs/logging.md.
 */
export type LogLine = (event: string, message: string, data?: Readonly<Record<string, unknown>>) => void
export type Log = Readonly<Record<LogLevel, LogLine>> &
  Readonly<{
    /** whether somebody looks at it as it comes */
    terminal: boolean
    /** shows a line, on a terminal only, until the next one replaces it; an empty one takes it away */
    draw: (line: string) => void
  }>

/**
 * A log that writes to a file descriptor at once, one line an entry.
 * `text` is for a terminal; `json` gives `{"time","level","event","message",...data}`, time in ISO 8601 UTC.
 */
export const createLog = (format: LogFormat, lowest: LogLevel, descriptor: number, screen: Screen): Log => {
  const terminal = screen.terminal && format === 'text' && logLevels.indexOf('info') >= logLevels.indexOf(lowest)
  // a log that nobody can write, as on a full disk, is no reason to do anything else than without one
  const write = (text: string) => attempt(() => writeText(descriptor, text))
  let drawn = ''
  const draw = (line: string): void => {
    // a line that is wrapped could not be drawn over
    if (terminal && line !== drawn) write(`${startOfLine}${line.slice(0, screen.columns - 1)}`)
    drawn = line
  }
  const line =
    (level: LogLevel): LogLine =>
    (event, message, data) => {
      if (logLevels.indexOf(level) < logLevels.indexOf(lowest)) return
      draw('')
      write(`${format === 'json' ? jsonLine(level, event, message, data) : textLine(level, message, screen)}\n`)
    }
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error'), terminal, draw }
}

/** Back to its beginning, and clear to its end. */
const startOfLine = '\r\u001b[K'

const jsonLine = (level: LogLevel, event: string, message: string, data?: object): string =>
  JSON.stringify({ time: new Date().toISOString(), level, event, message, ...data })

const textLine = (level: LogLevel, message: string, { paint }: Screen): string => {
  if (level === 'error') return `${paint('red', 'error:')} ${message}`
  return level === 'warn' ? `${paint('yellow', 'warn:')} ${message}` : message
}
