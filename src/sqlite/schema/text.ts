import { elementsOf, type Token, textOf, unquote, wordAt } from '../sql.ts'

/** What of a table no PRAGMA tells, and only the text that made it does. */
export type TableText = Readonly<{
  columns: readonly Readonly<{
    name: string
    collation: string
    /** of a generated column, without its parentheses */
    expression: string | null
  }>[]
  /** expressions, without CHECK and parentheses */
  checks: readonly string[]
  autoincrement: boolean
  /** what a broken constraint does other than refuse: `hostname NOT NULL ON CONFLICT IGNORE` */
  onConflict: readonly string[]
  /** columns of each foreign key that is checked at COMMIT */
  deferred: readonly (readonly string[])[]
}>

/** A constraint of the table, which stands where a column may: https://www.sqlite.org/syntax/table-constraint.html */
const tableConstraint = /^(?:CONSTRAINT|PRIMARY|UNIQUE|CHECK|FOREIGN)$/i

/** Reads the CREATE TABLE text that SQLite keeps of a table, which is sound or it would not keep it. */
export const readTableText = (createSql: string): TableText => {
  const elements = elementsOf(createSql)
  return {
    columns: elements
      .filter(element => !tableConstraint.test(wordAt(element, 0)))
      .map(element => ({
        name: unquote(wordAt(element, 0)),
        collation: unquote(wordAt(after(element, /^COLLATE$/i), 0) || 'BINARY').toUpperCase(),
        expression: groups(element, /^AS$/i)[0] ?? null,
      })),
    checks: elements.flatMap(element => groups(element, /^CHECK$/i)),
    autoincrement: elements.flat().some(({ text }) => /^AUTOINCREMENT$/i.test(text)),
    onConflict: elements.flatMap(readOnConflict),
    deferred: elements
      .filter(element => /\b(?<!NOT )DEFERRABLE INITIALLY DEFERRED\b/i.test(element.map(({ text }) => text).join(' ')))
      .map(element => {
        const key = after(element, /^FOREIGN$/i).slice(2)
        const columns = key.length > 0 ? key.slice(0, endOfGroup(key)) : element.slice(0, 1)
        return columns.filter(({ text }) => text !== ',').map(({ text }) => unquote(text))
      }),
  }
}

/** The tokens behind the first such word of a definition; none where there is no such word. */
const after = (element: readonly Token[], word: RegExp): readonly Token[] => {
  const index = element.findIndex(({ text, depth }) => depth === 1 && word.test(text))
  return index === -1 ? [] : element.slice(index + 1)
}

/** What stands in the parentheses behind each such word. */
const groups = (element: readonly Token[], word: RegExp): readonly string[] => {
  const rest = after(element, word)
  if (rest.length === 0) return []
  const group = rest.slice(1)
  const end = endOfGroup(group)
  return [textOf(group.slice(0, end)), ...groups(group.slice(end), word)]
}

const endOfGroup = (tokens: readonly Token[]): number =>
  tokens.findIndex(({ text, depth }) => depth === 1 && text === ')')

/** Each ON CONFLICT with the constraint that it belongs to. */
const readOnConflict = (element: readonly Token[]): readonly string[] =>
  element.flatMap(({ text, depth }, index) => {
    if (depth !== 1 || !/^CONFLICT$/i.test(text) || !/^ON$/i.test(element[index - 1]?.text ?? '')) return []
    const before = element.slice(0, index)
    const start = before.findLastIndex(token => token.depth === 1 && /^(?:PRIMARY|NOT|UNIQUE|CHECK)$/i.test(token.text))
    const constraint = textOf(element.slice(start, index + 2))
    return start === 0 ? constraint : `${wordAt(element, 0)} ${constraint}`
  })

/** A stretch of a CREATE TABLE text: from its first character to the one after its last. */
type Range = Readonly<{ start: number; end: number }>

/** What begins a constraint of a column, and ends what is before it: https://www.sqlite.org/syntax/column-constraint.html */
const constraintWord = /^(?:CONSTRAINT|PRIMARY|NOT|NULL|UNIQUE|CHECK|DEFAULT|COLLATE|REFERENCES|GENERATED|AS)$/i

/**
 * A CREATE TABLE text with one more constraint at the end of its list.
 * @throws Error when it has none
 */
export const withConstraint = (createSql: string, constraint: string): string => {
  const end = elementsOf(createSql).at(-1)?.at(-1)?.end
  if (end === undefined) throw new Error(`there is no list of columns in ${createSql}`)
  return replace(createSql, { start: end, end }, `, ${constraint}`)
}

export type ColumnChange = Readonly<{
  /** a type name as SQLite reads it */
  type?: string | undefined
  /** a whole clause: `DEFAULT 5` */
  fallback?: string | undefined
}>

/**
 * A CREATE TABLE text with another type or default for one column; all else stays as it is written.
 * @throws Error when there is no such column
 */
export const withColumnChanged = (createSql: string, column: string, { type, fallback }: ColumnChange): string => {
  const [name, ...rest] = elementsOf(createSql).find(([first]) => isNamed(first, column)) ?? []
  if (name === undefined) throw new Error(`there is no column ${column}`)
  const typeWords = takeUntilConstraint(rest)
  const typeRange = { start: name.end, end: typeWords.at(-1)?.end ?? name.end }
  const start = rest.findIndex(({ text, depth }) => depth === 1 && /^default$/i.test(text))
  // the word after DEFAULT is its value, also where that is NULL
  const clause = start === -1 ? [] : [...rest.slice(start, start + 2), ...takeUntilConstraint(rest.slice(start + 2))]
  const clauseRange = { start: clause[0]?.start ?? typeRange.end, end: clause.at(-1)?.end ?? typeRange.end }
  // the later one first, so that the place of the other stays true
  const withFallback = fallback === undefined ? createSql : replace(createSql, clauseRange, ` ${fallback}`)
  return type === undefined ? withFallback : replace(withFallback, typeRange, ` ${type}`)
}

const takeUntilConstraint = (tokens: readonly Token[]): readonly Token[] => {
  const index = tokens.findIndex(({ text, depth }) => depth === 1 && constraintWord.test(text))
  return index === -1 ? tokens : tokens.slice(0, index)
}

const isNamed = (token: Token | undefined, column: string): boolean =>
  unquote(token?.text ?? '').toLowerCase() === column.toLowerCase()

const replace = (text: string, { start, end }: Range, by: string): string => text.slice(0, start) + by + text.slice(end)
