/** What an SQL text consists of, from its first character to the one after its last. */
export type Token = Readonly<{
  /** a word is a keyword or an unquoted name; a string may be a name, too, where one has to stand */
  kind: 'word' | 'name' | 'string' | 'number' | 'blob' | 'parameter' | 'mark'
  text: string
  start: number
  end: number
  /** how many parentheses it is in */
  depth: number
}>

/**
 * The tokens of SQLite (https://www.sqlite.org/src/file/src/tokenize.c): every character beyond ASCII belongs to a word, also
 * those that JavaScript takes for a space.
 */
const tokenPattern = new RegExp(
  [
    /(?<comment>--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|\ufeff)/,
    /(?<string>'(?:[^']|'')*')/,
    /(?<name>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])/,
    /(?<blob>[xX]'[^']*')/,
    /(?<number>0[xX][\da-fA-F_]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?)/,
    /(?<parameter>\?\d*|[$@:#][\w$\u0080-\uffff]+)/,
    /(?<word>[\w\u0080-\uffff][\w$\u0080-\uffff]*)/,
    /(?<mark>\S)/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'g',
)

const kinds = ['word', 'name', 'string', 'number', 'blob', 'parameter'] as const

/** What an SQL text consists of, without its comments. */
export const tokensOf = (sql: string): readonly Token[] => {
  let depth = 0
  return [...sql.matchAll(tokenPattern)].flatMap(({ 0: text, index, groups }) => {
    if (groups?.comment !== undefined) return []
    const kind: Token['kind'] = kinds.find(candidate => groups?.[candidate] !== undefined) ?? 'mark'
    if (text === ')') depth -= 1
    const token = { kind, text, start: index, end: index + text.length, depth }
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

/** A name as SQLite compares it: only the case of ASCII letters is no difference. */
export const foldName = (name: string): string => name.replace(/[A-Z]+/g, letters => letters.toLowerCase())

/** Whether two names are one to SQLite. Nothing else compares names of tables, columns and the like; in SQL it is COLLATE NOCASE. */
export const sameName = (a: string, b: string): boolean => foldName(a) === foldName(b)

/** Whether a name is among others. */
export const hasName = (names: readonly string[], name: string): boolean => names.some(other => sameName(other, name))

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

const normalForm = (sql: string): string =>
  JSON.stringify(
    tokensOf(sql).map(({ kind, text }) => {
      if (kind === 'string') return text
      return foldName(kind === 'name' ? unquote(text) : text)
    }),
  )

/** The first keyword of a statement, in capitals; white space, comments and stray semicolons before it do not count. */
export const keywordOf = (sql: string): string =>
  sql.replace(/^(?:\s|;|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*([a-z]*)[\s\S]*$/i, '$1').toUpperCase()
