import type { events } from './events.ts'
import { attempt, errorCode, escapeControls } from './failure.ts'
import { writeSync } from './fs.ts'

export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]
export type LogFormat = 'text' | 'json'

export type Events = typeof events
export type EventName = keyof Events
/** Arguments of a call: the event, a sentence for people, and the event's fields if it has any. */
type Line<Name extends EventName> = Events[Name]['fields'] extends readonly []
  ? [event: Name, message: string]
  : [event: Name, message: string, data: Readonly<Record<Events[Name]['fields'][number], unknown>>]
type LineAt<Level extends LogLevel> = {
  [Name in EventName]: Events[Name]['level'] extends Level ? Line<Name> : never
}[EventName]

export type Log = Readonly<{
  debug: (...line: LineAt<'debug'>) => void
  info: (...line: LineAt<'info'>) => void
  warn: (...line: LineAt<'warn'>) => void
  error: (...line: LineAt<'error'>) => void
  /** whether `draw` shows anything: text on a terminal, at level info or lower */
  terminal: boolean
  /** shows a line, on a terminal only, until the next one replaces it; an empty one clears it */
  draw: (line: string) => void
}>

/**
 * A log that writes to a file descriptor synchronously, one entry per event. `text` is for people, and a failure has a
 * second line with what to do; `json` writes `{"time","level","event","message",...data}`, time in ISO 8601 UTC.
 * @param command how this program is called where it runs: MIGRATOR_COMMAND
 */
export const createLog = (
  format: LogFormat,
  lowest: LogLevel,
  descriptor: number,
  screen: Screen,
  command = 'migrator',
): Log => {
  const terminal = screen.terminal && format === 'text' && logLevels.indexOf('info') >= logLevels.indexOf(lowest)
  // a log that cannot be written, as on a full disk, must not change what a run does
  const write = (text: string) => attempt(() => writeText(descriptor, text))
  let drawn = ''
  const draw = (line: string): void => {
    // cut to the width: a wrapped line could not be redrawn
    if (terminal && line !== drawn) write(`${startOfLine}${screen.show(line).slice(0, screen.columns - 1)}`)
    drawn = line
  }
  const line =
    (level: LogLevel) =>
    (event: EventName, message: string, data?: object): void => {
      if (logLevels.indexOf(level) < logLevels.indexOf(lowest)) return
      draw('')
      const said = withCommand(message, command)
      const text = format === 'json' ? jsonLine(level, event, said, data) : textLine(level, said, screen)
      write(`${screen.show(text)}\n`)
    }
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error'), terminal, draw }
}

/** Carriage return, and erase to the end of the line. */
const startOfLine = '\r\u001b[K'

/** Commands that can be pasted: a message has them as `migrator up`, in backticks. */
export const withCommand = (text: string, command: string): string =>
  text.replaceAll('`migrator ', () => `\`${command} `)

/** Between what failed and what to do; a space in JSON, where a message is one line. */
export const secondLine = '\n  '

const jsonLine = (level: LogLevel, event: string, message: string, data?: object): string =>
  JSON.stringify({
    time: new Date().toISOString(),
    level,
    event,
    message: message.replace(secondLine, '. '),
    ...data,
  })

const textLine = (level: LogLevel, message: string, { paint }: Screen): string => {
  if (level === 'error') return `${paint('red', 'error:')} ${message}`
  return level === 'warn' ? `${paint('yellow', 'warn:')} ${message}` : message
}

const pause = new Int32Array(new SharedArrayBuffer(4))

/**
 * Writes all of `text` to a file descriptor before it returns; `process.stdout` takes 3 ms to set up and may lose its
 * tail at exit. Waits while a pipe is full (EAGAIN); ignores a reader that has left (EPIPE, as after `| head`).
 */
export const writeText = (descriptor: number, text: string): void => {
  let rest = Buffer.from(text)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest))
    } catch (error) {
      if (errorCode(error) === 'EPIPE') return
      if (errorCode(error) !== 'EAGAIN') throw error
      Atomics.wait(pause, 0, 0, 5)
    }
  }
}

/** `bold` for headings; `red`, `yellow` and `green` for what is wrong, due and right. */
export type Style = 'bold' | 'red' | 'yellow' | 'green'

/** Where text goes. A terminal has a width, and colours unless NO_COLOR is set; a pipe or a file has neither. */
export type Screen = Readonly<{
  /** whether it is a terminal */
  terminal: boolean
  /** characters per line; Infinity if there is no limit */
  columns: number
  /** colours the text; returns it unchanged without colours */
  paint: (style: Style, text: string) => string
  /** escapes every control character except those that `paint` added */
  show: (text: string) => string
}>

/**
 * Lets `show` recognise the colours of `paint`. Names in a database, a marker or a file may contain escape sequences,
 * so those of `paint` carry a random number that is unknown before this process runs.
 * @param style colours a text by escape sequences of the form `ESC [ 31 m`
 */
export const createPaint = (style: (style: Style, text: string) => string): Pick<Screen, 'paint' | 'show'> => {
  // in numbers of four digits, which is what Node's stripVTControlCharacters knows
  const seal = `;${Array.from({ length: 4 }, () => Math.floor(1000 + Math.random() * 9000)).join(';')}m`
  const sealed = new RegExp(`${esc}\\[(\\d+)${seal}`, 'g')
  return {
    paint: (name, text) => style(name, text).replaceAll(ofStyle, `${esc}[$1${seal}`),
    show: text => {
      const parts = text.split(sealed)
      // odd parts are the numbers of colours
      return parts.map((part, index) => (index % 2 === 0 ? escapeControls(part) : `${esc}[${part}m`)).join('')
    },
  }
}

/** For createPaint, where there are no colours. */
export const uncoloured = (_: Style, text: string): string => text

const esc = '\u001b'
const ofStyle = new RegExp(`${esc}\\[(\\d+)m`, 'g')
