// This room is about SQLite.
import type { Step } from '../dry-run/record.ts'
import { changesRows, isSameSql, keywordOf, type Token, textOf, tokensOf, unquote, wordAt } from '../sqlite/sql.ts'
import { type Finding, finding } from './rules.ts'

/** What a statement does to the rows of a table, as far as its text shows. */
export type Change = Readonly<{
  verb: 'INSERT' | 'UPDATE' | 'DELETE'
  table: string
  /** the columns it fills, each with its expression; empty for an INSERT that does not name columns */
  sets: readonly Assignment[]
  /** of an INSERT: the columns it names, and the expressions it selects; either may be empty */
  into: readonly string[]
  selects: readonly string[]
  /** whether it restricts its rows by WHERE or LIMIT */
  picks: boolean
  /** whether it deletes rows that conflict with its own in a unique index or key (REPLACE) */
  replaces: boolean
  /** its WHERE condition; empty if it has none */
  where: string
}>
export type Assignment = Readonly<{ column: string; expression: string }>

/** @returns undefined for a statement that changes no rows */
export const changeOf = (sql: string): Change | undefined => {
  if (!changesRows.test(keywordOf(sql))) return undefined
  const all = tokensOf(sql)
  const tokens = all.slice(placeOf(all, /^(?:INSERT|REPLACE|UPDATE|DELETE)$/i))
  // INSERT ... SELECT with an upsert needs WHERE true, or SQLite would parse its ON as a join
  const picks = tokens.some(
    (token, index) => isAt(/^(?:WHERE|LIMIT)$/i)(token) && !/^TRUE$/i.test(wordAt(tokens, index + 1)),
  )
  const behind = tokens.slice(placeOf(tokens, /^WHERE$/i) + 1)
  const where = textOf(behind.slice(0, placeOf(behind, /^(?:GROUP|ORDER|LIMIT|RETURNING|ON)$/i)))
  const replaces = [0, 2].some(index => /^REPLACE$/i.test(wordAt(tokens.slice(0, 3), index)))
  const nothing = { sets: [], into: [], selects: [], picks, replaces, where }
  const verb = wordAt(tokens, 0).toUpperCase()
  if (verb === 'DELETE') return { ...nothing, verb, table: readName(tokens.slice(2)).name }
  if (verb === 'UPDATE') {
    const { name } = readName(tokens.slice(/^OR$/i.test(wordAt(tokens, 1)) ? 3 : 1))
    return { ...nothing, verb, table: name, sets: readSet(tokens) }
  }
  if (verb === '') return undefined
  const { name, rest } = readName(tokens.slice(placeOf(tokens, /^INTO$/i) + 1))
  const { into, selects } = readSelect(rest)
  return { ...nothing, verb: 'INSERT', table: name, sets: assign(into, selects), into, selects }
}

/** Whether it sets a column to anything but NULL or the column itself. */
export const fills = ({ sets }: Change, column: string): boolean =>
  sets.some(
    set =>
      isSameSql(set.column, column) &&
      !['NULL', column].some(nothing => isSameSql(set.expression.replace(/^[^.]*\./, ''), nothing)),
  )

const isAt =
  (word: RegExp) =>
  ({ text, depth }: Token): boolean =>
    depth === 0 && word.test(text)

/** The index of the first such word outside parentheses; the number of tokens if there is none. */
const placeOf = (tokens: readonly Token[], word: RegExp): number => {
  const index = tokens.findIndex(isAt(word))
  return index === -1 ? tokens.length : index
}

/** The name at the start, without a schema prefix, and the tokens after it. */
const readName = (tokens: readonly Token[]): Readonly<{ name: string; rest: readonly Token[] }> =>
  wordAt(tokens, 1) === '.' ? readName(tokens.slice(2)) : { name: unquote(wordAt(tokens, 0)), rest: tokens.slice(1) }

/** Splits tokens at commas outside parentheses. */
const split = (tokens: readonly Token[]): readonly (readonly Token[])[] => {
  const comma = placeOf(tokens, /^,$/)
  return comma === tokens.length ? [tokens] : [tokens.slice(0, comma), ...split(tokens.slice(comma + 1))]
}

/** Reads `a = 1, (b, c) = (2, 3)`; `b` and `c` both get the whole expression `(2, 3)`. */
const readSet = (tokens: readonly Token[]): readonly Assignment[] => {
  const behind = tokens.slice(placeOf(tokens, /^SET$/i) + 1)
  return split(behind.slice(0, placeOf(behind, /^(?:FROM|WHERE|RETURNING|ORDER|LIMIT)$/i))).flatMap(element => {
    const equals = placeOf(element, /^=$/)
    const names = element.slice(0, equals).filter(({ text }) => !/^[(),]$/.test(text))
    const expression = textOf(element.slice(equals + 1))
    return names.map(({ text }) => ({ column: unquote(text), expression }))
  })
}

/** Reads `(a, b) SELECT x, y FROM ...`. */
const readSelect = (tokens: readonly Token[]): Pick<Change, 'into' | 'selects'> => {
  const list = wordAt(tokens, 0) === '(' ? tokens.slice(1, placeOf(tokens, /^\)$/)) : []
  const behind = tokens.slice(placeOf(tokens, /^SELECT$/i) + 1)
  const selected = behind.length === 0 ? [] : split(behind.slice(0, placeOf(behind, /^FROM$/i)))
  return {
    into: list.filter(({ text }) => text !== ',').map(({ text }) => unquote(text)),
    selects: selected.map(textOf),
  }
}

/** Pairs columns with expressions by position; what is beyond the shorter list is left out. */
export const assign = (columns: readonly string[], expressions: readonly string[]): readonly Assignment[] =>
  columns.flatMap((column, index) => {
    const expression = expressions[index]
    return expression === undefined ? [] : [{ column, expression }]
  })

/** Statements that end the migrator's transaction, or reach outside it. */
const outsideKeyword = /^(?:COMMIT|END|ROLLBACK|ATTACH|DETACH|VACUUM|PRAGMA)$/

/** PRAGMAs stored in the database, and the one a rebuild needs. */
const storedSetting = /\b(?:user_version|application_id|legacy_alter_table)\b/i

/** Whether lint continues a migration after this statement failed, to see the rest of it. */
export const isRefused = (sql: string): boolean => outsideKeyword.test(keywordOf(sql))

/** HM201, HM202: statements that the migrator refuses, and PRAGMAs that end with the connection. */
export const findStatements = (steps: readonly Step[]): readonly Finding[] =>
  steps.flatMap(step => {
    if (!isRefused(step.sql)) return []
    if (step.error !== null) return finding('HM201', `runs ${step.sql}`, step)
    const lasts = keywordOf(step.sql) !== 'PRAGMA' || storedSetting.test(step.sql)
    return lasts ? [] : finding('HM202', `sets ${step.sql}`, step)
  })

/** HM502: statements that write the current time or a random value. DEFAULTs and generated columns do not count. */
export const findChance = (steps: readonly Step[]): readonly Finding[] =>
  steps.flatMap(step => {
    const change = changeOf(step.sql)
    if (change === undefined || change.verb === 'DELETE') return []
    const asked = new Set(chancesIn(tokensOf(step.sql)))
    return [...asked].map(what => finding('HM502', `asks SQLite for ${what}`, step))
  })

const chancesIn = (tokens: readonly Token[]): readonly string[] =>
  tokens.flatMap(({ text }, index) => {
    if (/^CURRENT_(?:TIMESTAMP|DATE|TIME)$/i.test(text)) return [text]
    // a table may have such a name too: INSERT INTO random (...)
    if (wordAt(tokens, index + 1) !== '(' || /^INTO$/i.test(wordAt(tokens, index - 1))) return []
    const call = callAt(tokens, index)
    return /^random(?:blob)?$/i.test(text) || asksClock(text, call.slice(2, -1)) ? [textOf(call)] : []
  })

/** The tokens of a function call, from its name to its closing parenthesis. */
const callAt = (tokens: readonly Token[], index: number): readonly Token[] => {
  const rest = tokens.slice(index)
  const depth = rest[0]?.depth
  return rest.slice(0, rest.findIndex(token => token.text === ')' && token.depth === depth) + 1)
}

/** Whether a call reads the clock: a date function with 'now', or without a time value: https://www.sqlite.org/lang_datefunc.html */
const asksClock = (name: string, values: readonly Token[]): boolean => {
  const own = values.filter(({ depth }) => depth === values[0]?.depth)
  if (/^(?:date|time|datetime|julianday|unixepoch|strftime|timediff)$/i.test(name) && own.some(isNow)) return true
  if (/^strftime$/i.test(name)) return own.length === 1
  return /^(?:date|time|datetime|julianday|unixepoch)$/i.test(name) && own.length === 0
}

const isNow = ({ text }: Token): boolean => /^'now'$/i.test(text)
