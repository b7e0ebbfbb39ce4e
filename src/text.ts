import { closest, distance } from 'fastest-levenshtein'
import formatBytes from 'pretty-bytes'
import { now as clock } from './clock.ts'
import { Failure } from './failure.ts'
import { formatCount, listed } from './listed.ts'
import type { Log, Screen } from './log.ts'

/** They are apart, since a run with nothing to do needs nothing else of this file. */
export { formatCount, listed }

/** A number of things: `1 backup`, `3 backups`. */
export const formatThings = (count: number, thing: string): string =>
  `${formatCount(count)} ${thing}${count === 1 ? '' : 's'}`

/** A statement or another text in one line of at most 120 characters. */
export const shortened = (text: string): string => {
  const line = text.trim().replaceAll(/\s+/g, ' ')
  return line.length > 120 ? `${line.slice(0, 120)}...` : line
}

/** A number of bytes for people: `340 B`, `1.25 MB`. */
export { formatBytes }

/** A time in ISO 8601 for people: `2026-01-18 10:00:00`, in UTC as it was. */
export const formatTime = (time: string): string => time.slice(0, 19).replace('T', ' ')

/** Rows as text in aligned columns, two spaces between them, each line indented by two. */
export const textTable = (cells: readonly (readonly string[])[]): readonly string[] => {
  // Screen.show escapes the other control characters, and colours must stay
  const rows = cells.map(row => row.map(cell => cell.replaceAll(/[\n\t]/g, ' ')))
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => widthOf(row[column] ?? ''))))
  return rows.map(row => `  ${row.map((cell, column) => pad(cell, widths[column] ?? 0)).join('  ')}`.trimEnd())
}

/**
 * Rows below a heading, as in textTable. Nothing is cut: if a line would be too wide for the screen, each row's first
 * cell gets a line of its own, with the others below it.
 */
export const headedTable = (
  { columns, paint }: Screen,
  heading: readonly string[],
  rows: readonly (readonly string[])[],
): readonly string[] => {
  const all = [heading.map(title => paint('bold', title)), ...rows]
  const wide = textTable(all)
  if (wide.every(line => widthOf(line) <= columns)) return wide
  const rest = textTable(all.map(([, ...cells]) => cells))
  return all.flatMap(([first], row) => [`  ${first}`, `  ${rest[row]}`].filter(line => line.trim() !== ''))
}

/** Width on the screen, where colours take none. */
const widthOf = (text: string): number => process.getBuiltinModule('node:util').stripVTControlCharacters(text).length
const pad = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - widthOf(text)))

/** ` (Did you mean CHECK?)`, with the nearest word at most three edits away; '' if there is none. */
export const didYouMean = (written: string, words: readonly string[]): string => {
  const nearest = words.length === 0 ? undefined : closest(written, words)
  return nearest === undefined || distance(written, nearest) > 3 ? '' : ` (Did you mean ${nearest}?)`
}

/** The Failure for a name that no setting has. */
export const notASetting = (name: string, names: readonly string[]): Failure => {
  const hint = `The settings are ${names.join(', ')}.`
  return new Failure('CONFIG_INVALID', `${name} is not a setting${didYouMean(name, names)}`, hint)
}

/** Milliseconds between two reports of progress, on a terminal and in a log. */
const pace = { terminal: 100, log: 5000 }

export type Unit = 'rows' | 'bytes'

/**
 * Shows the progress of long work: on a terminal a bar that is redrawn, elsewhere a log line every few seconds, none
 * for work that takes less. Pieces of work run one after the other: each starts when the previous one is done.
 * @param now milliseconds, from any origin
 * @returns `report(what, done, total)`; call it as often as you like, it limits itself
 */
export const createProgress = (log: Log, unit: Unit, now: () => number = clock) => {
  let start = now()
  let shown = start
  return (what: string, done: number, total: number): void => {
    const time = now()
    if (done >= total) {
      if (log.terminal) log.draw('')
      start = time
      shown = time
      return
    }
    if (time - shown < (log.terminal ? pace.terminal : pace.log)) return
    shown = time
    const perSecond = Math.round((done * 1000) / (time - start))
    const far = `${Math.floor((done * 100) / total)} %, ${tellers[unit](done, total, perSecond)}`
    if (log.terminal) log.draw(`${what} [${bar(done / total)}] ${far}`)
    else log.info('progress', `${what}: ${far}`, { what, unit, done, total, perSecond })
  }
}

const tellers: Readonly<Record<Unit, (done: number, total: number, perSecond: number) => string>> = {
  rows: (done, total, perSecond) =>
    `${formatCount(done)} of ${formatCount(total)} rows, ${formatCount(perSecond)} rows/s`,
  bytes: (done, total, perSecond) => `${formatBytes(done)} of ${formatBytes(total)}, ${formatBytes(perSecond)}/s`,
}

const width = 20
const bar = (share: number): string => '#'.repeat(Math.floor(share * width)).padEnd(width, '-')
