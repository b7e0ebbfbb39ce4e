import { must } from '../failure.ts'
import type { Connection } from './connect.ts'
import { keywordOf, type Token, tokensOf, unquote, wordAt } from './sql.ts'

/**
 * Why a migration must not run this statement: it attaches other files, changes a PRAGMA that this program sets or relies on, or
 * names what this program keeps in temporary tables. Undefined if it may.
 */
export const refusalOf = (sql: string): string | undefined => {
  const keyword = keywordOf(sql)
  if (keyword === 'ATTACH' || keyword === 'DETACH') return `${keyword} is not for migrations: ${sql}`
  if (namesOwn(sql)) return `names that begin with "migrator " are reserved: ${sql}`
  const setting = pragmaSetIn(sql)
  if (setting === undefined || mayBeSet.has(setting)) return undefined
  return `PRAGMA ${setting} is not for migrations: the migrator sets it around them`
}

/**
 * Sets back what a migration may set for its own statements, so that the next one finds SQLite's defaults: see mayBeSet. The size of
 * the cache and the like stay: they change no result.
 */
export const resetSettings = (connection: Connection): void => {
  for (const name of ['case_sensitive_like', 'legacy_alter_table', 'reverse_unordered_selects'])
    connection.pragma(`${name} = OFF`)
}

/** The temporary tables, triggers and the schema in which the rows of before are kept (rows/, key-actions.ts, history-triggers.ts). */
const ownName = /^migrator (?:before|deletes|history|keys?|lives|moves|orphans|overwritten)\b/i
/** Words after which SQLite takes a string for a name. */
const beforeName =
  /^(?:EXISTS|FROM|INDEX|INTO|JOIN|ON|TABLE|TO|TRIGGER|UPDATE|VIEW|ROLLBACK|ABORT|REPLACE|FAIL|IGNORE|\.|,)$/i

const namesOwn = (sql: string): boolean => {
  const tokens = tokensOf(sql)
  const isName = ({ kind }: Token, index: number): boolean =>
    kind === 'name' || (kind === 'string' && index > 0 && beforeName.test(wordAt(tokens, index - 1)))
  return tokens.some((token, index) => isName(token, index) && ownName.test(unquote(token.text)))
}

/** PRAGMAs that are stored in the database or only affect statements, and queries that take an argument. */
const mayBeSet = new Set(
  `analysis_limit application_id automatic_index cache_size case_sensitive_like cell_size_check defer_foreign_keys
  foreign_key_check foreign_key_list index_info index_list index_xinfo integrity_check
  legacy_alter_table optimize quick_check reverse_unordered_selects secure_delete table_info table_list table_xinfo
  user_version incremental_vacuum`.split(/\s+/),
)

/** The PRAGMA that a statement sets or queries with an argument, in lower case: also quoted, or called as a function. */
const pragmaSetIn = (sql: string): string | undefined => {
  const words = tokensOf(sql).map(({ text }) => text)
  const nameAt = (index: number): string => unquote(must(words[index])).toLowerCase()
  if (keywordOf(sql) !== 'PRAGMA') {
    const called = words.findIndex(
      (_, index) => /^pragma_/.test(nameAt(index)) && words[index + 1] === '(' && words[index + 2] !== ')',
    )
    return called === -1 ? undefined : nameAt(called).slice('pragma_'.length)
  }
  // after PRAGMA come schema and name: "main" . "foreign_keys", or main.foreign_keys
  const start = words.findIndex(word => word.toUpperCase() === 'PRAGMA') + 1
  const end = words.findIndex((word, index) => index > start && (word === '=' || word === '('))
  return end === -1
    ? undefined
    : nameAt(end - 1)
        .split('.')
        .at(-1)
}
