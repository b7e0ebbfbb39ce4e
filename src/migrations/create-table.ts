/** A stretch of a CREATE TABLE text: from its first character to the one after its last. */
type Range = Readonly<{ start: number; end: number }>
type Token = Range & Readonly<{ text: string; depth: number }>

const tokenPattern =
  /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|[\w$.\u0080-\uffff]+|\S/g

/** What begins a constraint of a column, and ends what is before it: https://www.sqlite.org/syntax/column-constraint.html */
const constraintWord = /^(?:CONSTRAINT|PRIMARY|NOT|NULL|UNIQUE|CHECK|DEFAULT|COLLATE|REFERENCES|GENERATED|AS)$/i

/** Words, names, strings and marks without the comments, each with the number of parentheses it is in. */
export const tokensOf = (sql: string): readonly Token[] => {
  let depth = 0
  return [...sql.matchAll(tokenPattern)].flatMap(({ 0: text, index }) => {
    if (text.startsWith('--') || text.startsWith('/*')) return []
    if (text === ')') depth -= 1
    const token = { text, start: index, end: index + text.length, depth }
    if (text === '(') depth += 1
    return [token]
  })
}

/** Columns and constraints of the table: what stands between the outer parentheses, at the commas. */
const elementsOf = (createSql: string): readonly (readonly Token[])[] => {
  const elements: Token[][] = []
  for (const token of tokensOf(createSql)) {
    if (token.depth === 0 && token.text !== '(') continue
    if (token.depth === 0 || (token.depth === 1 && token.text === ',')) elements.push([])
    else elements.at(-1)?.push(token)
  }
  return elements
}

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

const isNamed = (token: Token | undefined, column: string): boolean => {
  const text = token?.text ?? ''
  const bare = /^["'`[]/.test(text) ? text.slice(1, -1).replaceAll('""', '"').replaceAll('``', '`') : text
  return bare.toLowerCase() === column.toLowerCase()
}

const replace = (text: string, { start, end }: Range, by: string): string => text.slice(0, start) + by + text.slice(end)
