import { stripVTControlCharacters } from 'node:util'
import { printable } from './printable.ts'
import type { Screen } from './screen.ts'

/** Rows as text in aligned columns, two spaces between them, each line indented by two. */
export const textTable = (cells: readonly (readonly string[])[]): readonly string[] => {
  const rows = cells.map(row => row.map(printable))
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => widthOf(row[column] ?? ''))))
  return rows.map(row => `  ${row.map((cell, column) => pad(cell, widths[column] ?? 0)).join('  ')}`.trimEnd())
}

/**
 * Rows below a heading, as in textTable. Nothing is ever cut: where a line would be too wide for the screen, each row's first
 * cell has a line of its own, and the others are below it.
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

/** Colours take no room. */
const widthOf = (text: string): number => stripVTControlCharacters(text).length
const pad = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - widthOf(text)))
