/** One token of an SQL text; `end` is exclusive. */
export type Token = Readonly<{
  /** a word is a keyword or an unquoted name; where SQLite expects a name, a string may be one too */
  kind: 'word' | 'name' | 'string' | 'number' | 'blob' | 'parameter' | 'mark'
  text: string
  start: number
  end: number
  /** how many parentheses enclose it */
  depth: number
}>

/**
 * SQLite's tokens (https://www.sqlite.org/src/file/src/tokenize.c): every non-ASCII character belongs to a word, even those that
 * JavaScript treats as space.
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

/** The tokens of an SQL text, without comments. */
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

/** The columns and constraints of a CREATE TABLE, or the columns of a CREATE INDEX: its parentheses, split at the commas. */
export const elementsOf = (createSql: string): readonly (readonly Token[])[] => {
  const elements: Token[][] = []
  for (const token of tokensOf(createSql)) {
    if (token.depth === 0 && token.text !== '(') continue
    if (token.depth === 0 || (token.depth === 1 && token.text === ',')) elements.push([])
    else elements.at(-1)?.push(token)
  }
  return elements
}

/** A name without its quotes, of any of the four kinds. */
export const unquote = (name: string): string => {
  const quote = /^["'`[]/.exec(name)?.[0]
  if (quote === undefined) return name
  const inner = name.slice(1, -1)
  return quote === '[' ? inner : inner.replaceAll(quote + quote, quote)
}

/** A name as SQLite compares it: only ASCII letters ignore case. */
export const foldName = (name: string): string => name.replace(/[A-Z]+/g, letters => letters.toLowerCase())

/** Whether SQLite treats two names as equal. Use it for all names of tables, columns and the like; in SQL use COLLATE NOCASE. */
export const sameName = (a: string, b: string): boolean => foldName(a) === foldName(b)

/** Whether `names` contains a name, as sameName compares. */
export const hasName = (names: readonly string[], name: string): boolean => names.some(other => sameName(other, name))

/** The names of the rowid: https://www.sqlite.org/lang_createtable.html#rowid */
export const rowidNames = ['rowid', '_rowid_', 'oid'] as const

/** A name of the rowid that no column hides; undefined if all are hidden. */
export const freeRowidName = (columns: readonly string[]): string | undefined =>
  rowidNames.find(name => !hasName(columns, name))

/** Any name as a quoted SQL identifier. */
export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** A declared type as an SQL identifier, because it may be any words, with numbers in parentheses; empty if it has none. */
export const quoteType = (type: string): string => (type === '' ? '' : quote(type))

/** Any text as an SQL string literal. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** The text of one token; a negative `index` counts from the end. Empty if there is none. */
export const wordAt = (tokens: readonly Token[], index: number): string => tokens.at(index)?.text ?? ''

/** Joins tokens, with one space wherever space or comments separated two. */
export const textOf = (tokens: readonly Token[]): string =>
  tokens.map(({ text, start }, index) => (start === (tokens[index - 1]?.end ?? start) ? text : ` ${text}`)).join('')

/** Whether two SQL texts are equal except for comments, space, the case of words, and quotes around names; strings are exact. */
export const isSameSql = (a: string, b: string): boolean => normalForm(a) === normalForm(b)

const normalForm = (sql: string): string =>
  JSON.stringify(
    tokensOf(sql).map(({ kind, text }) => {
      if (kind === 'string') return text
      return foldName(kind === 'name' ? unquote(text) : text)
    }),
  )

/** The keywords of statements that can change the rows of a table. */
export const changesRows = /^(?:INSERT|REPLACE|UPDATE|DELETE|WITH)$/

/** The first keyword of a statement, in capitals; skips white space, comments and stray semicolons. */
export const keywordOf = (sql: string): string =>
  sql.replace(/^(?:\s|;|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*([a-z]*)[\s\S]*$/i, '$1').toUpperCase()
