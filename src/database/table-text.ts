import { elementsOf, type Token, textOf, unquote, wordAt } from './tokens.ts'

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
