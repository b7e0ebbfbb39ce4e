import { keywordOf, tokensOf, unquote } from './sql.ts'

/** What a migration has no business with: other files, and what this program has set, or needs as it is, around it. */
export const refusalOf = (sql: string): string | undefined => {
  const keyword = keywordOf(sql)
  if (keyword === 'ATTACH' || keyword === 'DETACH') return `${keyword} is not for migrations: ${sql}`
  const setting = pragmaSetIn(sql)
  if (setting === undefined || mayBeSet.has(setting)) return undefined
  return `PRAGMA ${setting} is not for migrations: the migrator sets it around them`
}

/** Settings that are stored in the database, or that matter to statements alone; and questions that take an argument. */
const mayBeSet = new Set(
  `analysis_limit application_id automatic_index cache_size case_sensitive_like cell_size_check defer_foreign_keys
  foreign_key_check foreign_key_list ignore_check_constraints index_info index_list index_xinfo integrity_check
  legacy_alter_table optimize quick_check reverse_unordered_selects secure_delete table_info table_list table_xinfo
  user_version incremental_vacuum`.split(/\s+/),
)

/** The PRAGMA that a statement sets, or asks with an argument, in lower case: also in quotes, or called as a function. */
const pragmaSetIn = (sql: string): string | undefined => {
  const words = tokensOf(sql).map(({ text }) => text)
  const nameAt = (index: number): string => unquote(words[index] ?? '').toLowerCase()
  if (keywordOf(sql) !== 'PRAGMA') {
    const called = words.findIndex(
      (_, index) => /^pragma_/.test(nameAt(index)) && words[index + 1] === '(' && words[index + 2] !== ')',
    )
    return called === -1 ? undefined : nameAt(called).slice('pragma_'.length)
  }
  // the first word is PRAGMA, then come schema and name: "main" . "foreign_keys", or main.foreign_keys
  const start = words.findIndex(word => word.toUpperCase() === 'PRAGMA') + 1
  const end = words.findIndex((word, index) => index > start && (word === '=' || word === '('))
  return end === -1
    ? undefined
    : nameAt(end - 1)
        .split('.')
        .at(-1)
}
