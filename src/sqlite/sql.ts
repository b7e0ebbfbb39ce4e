/** A word, name, string or mark of an SQL text, from its first character to the one after its last. */
export type Token = Readonly<{
  text: string
  start: number
  end: number
  /** how many parentheses it is in */
  depth: number
}>

const tokenPattern =
  /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|[\w$.\u0080-\uffff]+|\S/g

/** What an SQL text consists of, without its comments. */
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

/** Columns and constraints of a CREATE TABLE, or columns of a CREATE INDEX: what is in its parentheses, at the commas. */
export const elementsOf = (createSql: string): readonly (readonly Token[])[] => {
  const elements: Token[][] = []
  for (const token of tokensOf(createSql)) {
    if (token.depth === 0 && token.text !== '(') continue
    if (token.depth === 0 || (token.depth === 1 && token.text === ',')) elements.push([])
    else elements.at(-1)?.push(token)
  }
  return elements
}

/** A name without its quotes, of whichever of the four kinds they are. */
export const unquote = (name: string): string => {
  const quote = /^["'`[]/.exec(name)?.[0]
  if (quote === undefined) return name
  const inner = name.slice(1, -1)
  return quote === '[' ? inner : inner.replaceAll(quote + quote, quote)
}

/** Whether two names are one to SQLite, which passes over the case of A to Z and of no other letter. */
export const sameName = (a: string, b: string): boolean => foldName(a) === foldName(b)

const foldName = (name: string): string => name.replaceAll(/[A-Z]/g, letter => letter.toLowerCase())

/** An SQL identifier, whatever is in it. */
export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** An SQL string, whatever is in it. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** The text of one token, counted from the end where `index` is negative; empty where there is none. */
export const wordAt = (tokens: readonly Token[], index: number): string => tokens.at(index)?.text ?? ''

/** Tokens as text again: one space wherever there was any space or comment between two. */
export const textOf = (tokens: readonly Token[]): string =>
  tokens.map(({ text, start }, index) => (start === (tokens[index - 1]?.end ?? start) ? text : ` ${text}`)).join('')

/**
 * Whether two SQL texts say the same: comments, space, the case of words, and quotes around names are no difference; a
 * letter in a string is.
 */
export const isSameSql = (a: string, b: string): boolean => normalForm(a) === normalForm(b)

/** Between names joined by a point there may be quotes, so a point is a token of its own here, but not in a number. */
const normalForm = (sql: string): string =>
  JSON.stringify(
    tokensOf(sql).flatMap(({ text }) => {
      if (text.startsWith("'")) return [text]
      if (/^["`[]/.test(text)) return [unquote(text).toLowerCase()]
      return /^\d/.test(text) ? [text.toLowerCase()] : text.toLowerCase().split(/(?=\.)|(?<=\.)/)
    }),
  )
