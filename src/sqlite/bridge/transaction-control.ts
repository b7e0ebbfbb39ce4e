import { foldName, keywordOf, tokensOf, unquote, wordAt } from '../sql.ts'

/** What a statement does with transactions; `name` is a savepoint's, folded as SQLite compares it. */
export type Control =
  | Readonly<{ does: 'begin' | 'commit' | 'roll back' }>
  | Readonly<{ does: 'save' | 'release' | 'roll back to'; name: string }>

/**
 * What a statement does with transactions; undefined for any other. Reads only the first word, a TO and the last word, so pass
 * one statement that SQLite could prepare. https://www.sqlite.org/syntax/rollback-stmt.html
 */
export const controlOf = (sql: string): Control | undefined => {
  const keyword = keywordOf(sql)
  if (keyword === 'BEGIN') return { does: 'begin' }
  if (keyword === 'COMMIT' || keyword === 'END') return { does: 'commit' }
  if (keyword !== 'ROLLBACK' && keyword !== 'SAVEPOINT' && keyword !== 'RELEASE') return undefined
  const tokens = tokensOf(sql).filter(({ text }) => text !== ';')
  const name = foldName(unquote(wordAt(tokens, -1)))
  if (keyword === 'SAVEPOINT') return { does: 'save', name }
  if (keyword === 'RELEASE') return { does: 'release', name }
  return tokens.some(({ text }) => /^to$/i.test(text)) ? { does: 'roll back to', name } : { does: 'roll back' }
}
