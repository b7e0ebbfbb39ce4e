import { Failure, framesOf, must } from './failure.ts'
import { didYouMean } from './text.ts'

/** A migration written in SQL. Each part has as many lines as the file, so that a line number in it is the file's. */
type SqlFile = Readonly<{
  up: string
  /** undefined if it has no statement */
  down: string | undefined
  removesRows: readonly string[]
}>

/** The migration that runs such statements. @param file where they are from */
export const toMigration = ({ up, down, removesRows }: SqlFile, file: string) => {
  const run =
    (text: string) =>
    ({
      context,
    }: Readonly<{ context: Readonly<{ runSql: (text: string, file: string) => Promise<void> }> }>): Promise<void> =>
      context.runSql(text, file)
  return { up: run(up), down: down === undefined ? undefined : run(down), removesRows, isSql: true as const }
}

/** A line that begins a part, as dbmate has it: `-- migrate:up`. */
const marker = /^--[^\S\n]*migrate:(?<part>\S*)[^\S\n]*(?<options>.*)$/i
const announcement = /^--[^\S\n]*removes-rows[^\S\n]*:(?<tables>.*)$/i

/**
 * Reads the text of a `.sql` migration: its statements below `-- migrate:up` and `-- migrate:down`, and the tables that
 * it names after `-- removes-rows:`. Parses no SQL: where a statement ends depends on the database.
 * @param file for messages
 * @throws Failure CONFIG_INVALID for a text without statements to apply, or with an unknown marker
 */
export const parseSqlFile = (file: string, text: string): SqlFile => {
  const lines = text.replace(/^\ufeff/, '').split('\n')
  const markers = lines.flatMap((line, index) => readMarker(`${file}:${index + 1}`, line, index))
  const [up, down, third] = markers
  if (up === undefined) throw refused(file, 'has no line "-- migrate:up"', putMarkers)
  const twice = third ?? (down?.part === up.part ? down : undefined)
  if (twice !== undefined) throw refused(twice.place, `has "-- migrate:${twice.part}" again`, putMarkers)
  if (up.part !== 'up') throw refused(up.place, 'has "-- migrate:down" before "-- migrate:up"', putMarkers)
  const between = (first: number, end: number): string =>
    lines.map((line, index) => (index >= first && index < end ? line : '')).join('\n')
  if (hasStatement(between(0, up.index))) throw refused(file, 'has a statement above "-- migrate:up"', putMarkers)
  const upText = between(up.index + 1, down?.index ?? lines.length)
  if (!hasStatement(upText)) throw refused(up.place, 'has no statement below "-- migrate:up"', 'Write what it does.')
  const downText = down === undefined ? '' : between(down.index + 1, lines.length)
  return {
    up: upText,
    down: hasStatement(downText) ? downText : undefined,
    removesRows: lines.flatMap((line, index) => readTables(`${file}:${index + 1}`, line)),
  }
}

const putMarkers =
  'The statements that apply it stand below one line "-- migrate:up", those that undo it below "-- migrate:down".'

const refused = (place: string, what: string, hint: string): Failure =>
  new Failure('CONFIG_INVALID', `${place} ${what}`, hint)

type Marker = Readonly<{ part: 'up' | 'down'; place: string; index: number }>

const readMarker = (place: string, line: string, index: number): readonly Marker[] => {
  const groups = marker.exec(line)?.groups
  if (groups === undefined) return []
  const [part, options] = [must(groups.part).toLowerCase(), must(groups.options).trim()]
  if (part !== 'up' && part !== 'down')
    throw refused(place, `has "-- migrate:${part}"${didYouMean(part, ['up', 'down'])}`, putMarkers)
  if (options === 'transaction:false')
    throw refused(place, 'asks for no transaction', 'All pending migrations are applied in one: remove the option.')
  if (options !== '' && options !== 'transaction:true')
    throw refused(place, `has the unknown option ${options}`, `Remove it from "-- migrate:${part}".`)
  return [{ part, place, index }]
}

const readTables = (place: string, line: string): readonly string[] => {
  const list = announcement.exec(line)?.groups?.tables
  if (list === undefined) return []
  const tables = list.split(',').map(table => table.trim().replace(/^"(.*)"$/, '$1'))
  if (tables.some(table => table === ''))
    throw refused(place, 'names no table', 'Name them, as in "-- removes-rows: metrics, servers".')
  return tables
}

/** Whether there is anything but comments. A `--` in a string is taken for a comment, but stands behind other text. */
const hasStatement = (sql: string): boolean => /[^\s;]/.test(sql.replaceAll(/--[^\n]*|\/\*[\s\S]*?\*\//g, ''))

/** One of several statements in a text, without the semicolon at its end. */
export type Statement = Readonly<{
  sql: string
  /** its place in the text; both count from 1 */
  line: number
  column: number
}>

/** Finds the places of growing offsets, in one pass over the text. */
export const placesIn = (text: string) => {
  let [line, start] = [1, 0]
  return (offset: number): Pick<Statement, 'line' | 'column'> => {
    for (let next = text.indexOf('\n', start); next !== -1 && next < offset; next = text.indexOf('\n', start)) {
      line += 1
      start = next + 1
    }
    return { line, column: offset - start + 1 }
  }
}

/**
 * Runs statements in turn, up to the first that fails.
 * @param file where they are from: the stack of an error begins with the place of the statement in it
 */
export const runStatements = async (
  statements: readonly Statement[],
  run: (sql: string) => Promise<unknown>,
  file: string | undefined,
): Promise<void> => {
  for (const { sql, line, column } of statements) {
    try {
      await run(sql)
    } catch (error) {
      if (file !== undefined && error instanceof Error) {
        error.stack = `${error.name}: ${error.message}\n    at ${file}:${line}:${column}\n${framesOf(error)}`
      }
      throw error
    }
  }
}
