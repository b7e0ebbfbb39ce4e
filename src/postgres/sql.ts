import { placesIn, type Statement } from '../sql-file.ts'

/** They are apart, since a run with nothing to do needs nothing else of this file. */
export { inSchema, quote } from './names.ts'

/** A text as a literal, whatever standard_conforming_strings says. */
export const literal = (text: string): string =>
  text.includes('\\') ? `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'` : `'${text.replaceAll("'", "''")}'`

/**
 * One part of a text: white space and comments, a quoted name or string (also after E, U& and the like), one between dollars, a
 * word, a number, or any other character. Comments nest: one that opens another is read to the end of the text at worst.
 */
const part =
  /(?<gap>\s+|--[^\n]*|\/\*(?:[^*/]|\*(?!\/)|\/(?!\*)|\/\*(?:[^*]|\*(?!\/))*\*\/)*\*\/)|(?<dollar>\$(?:[\p{L}_][\p{L}\p{N}_]*)?\$)[\s\S]*?(?:\k<dollar>|$)|(?<escaped>[eE]'(?:[^'\\]|\\[\s\S]|'')*')|"(?:[^"]|"")*"|'(?:[^']|'')*'|\$?[\p{L}\p{N}_][\p{L}\p{N}_$]*|[\s\S]/guy

/** A word, name, string or character of a statement, and where it begins; white space and comments are left out. */
export type Token = Readonly<{ text: string; start: number; end: number }>

export const tokensOf = (sql: string): readonly Token[] =>
  [...sql.matchAll(part)]
    .filter(({ groups }) => groups?.gap === undefined)
    .map(({ 0: text, index: start }) => ({ text, start, end: start + text.length }))

/** The statements of a text of several, each with its place. A body between BEGIN ATOMIC and its END has semicolons of its own. */
export const statementsOf = (text: string): readonly Statement[] => {
  const placeOf = placesIn(text)
  let own: Token[] = []
  const groups = [own]
  let depth = 0
  for (const token of tokensOf(text)) {
    const word = token.text.toUpperCase()
    if (word === ';' && depth === 0) {
      own = []
      groups.push(own)
      continue
    }
    if (word === 'ATOMIC' && own.at(-1)?.text.toUpperCase() === 'BEGIN') depth = 1
    else if (depth > 0 && word === 'CASE') depth += 1
    else if (depth > 0 && word === 'END') depth -= 1
    own.push(token)
  }
  return groups.flatMap(tokens => {
    const [first, last] = [tokens[0], tokens.at(-1)]
    if (first === undefined || last === undefined) return []
    return { sql: text.slice(first.start, last.end), ...placeOf(first.start) }
  })
}

/** The words of a statement up to `count`, in capitals. */
const firstWords = (sql: string, count: number): readonly string[] =>
  tokensOf(sql)
    .slice(0, count)
    .map(({ text }) => text.toUpperCase())

/** What a statement does with transactions; `name` is a savepoint's, folded as servers compare it. */
export type Control =
  | Readonly<{ does: 'begin' | 'commit' | 'roll back' }>
  | Readonly<{ does: 'save' | 'release' | 'roll back to'; name: string }>
  | Readonly<{ does: 'prepare' }>

/** https://www.postgresql.org/docs/current/sql-commands.html: BEGIN, START, COMMIT, END, ROLLBACK, ABORT, SAVEPOINT, RELEASE, PREPARE. */
export const controlOf = (sql: string): Control | undefined => {
  const words = tokensOf(sql).filter(({ text }) => text !== ';')
  const [first = '', second = ''] = words.map(({ text }) => text.toUpperCase())
  const name = fold(words.at(-1)?.text ?? '')
  if (first === 'BEGIN' || (first === 'START' && second === 'TRANSACTION')) return { does: 'begin' }
  if (first === 'PREPARE' && second === 'TRANSACTION') return { does: 'prepare' }
  if ((first === 'COMMIT' || first === 'ROLLBACK') && second === 'PREPARED') return { does: 'prepare' }
  if (first === 'COMMIT' || first === 'END') return { does: 'commit' }
  if (first === 'SAVEPOINT') return { does: 'save', name }
  if (first === 'RELEASE') return { does: 'release', name }
  if (first !== 'ROLLBACK' && first !== 'ABORT') return undefined
  return words.some(({ text }) => /^to$/i.test(text)) ? { does: 'roll back to', name } : { does: 'roll back' }
}

export const fold = (name: string): string =>
  name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name.toLowerCase()

const settingWords = /^(?:SET|RESET|DISCARD)$/

/**
 * Why a migration must not run this statement: a setting that outlives the transaction reaches the next program that a pooler gives
 * the session to, and some end the protection around migrations. Undefined if it may.
 */
export const refusalOf = (sql: string): string | undefined => {
  const [first = '', second = '', third = ''] = firstWords(sql, 3)
  if (settingWords.test(first) && !(first === 'SET' && /^(?:LOCAL|CONSTRAINTS)$/.test(second)))
    return `${first} is not for migrations: it outlives their transaction (SET LOCAL does not): ${sql}`
  if (first === 'SET' && second === 'LOCAL' && /^(?:SESSION|ROLE)$/.test(third))
    return `SET LOCAL ${third} is not for migrations: the rest of the run would be another user's: ${sql}`
  if (/\bset_config\s*\((?![^)]*,\s*true\s*\))/i.test(sql))
    return `set_config(..., false) is not for migrations: it outlives their transaction: ${sql}`
  if (/\bpg_(?:try_)?advisory_(?:lock|unlock)\w*\s*\(/i.test(sql))
    return `a lock of the session is not for migrations: it outlives their transaction (pg_advisory_xact_lock does not): ${sql}`
  if (/\bsession_replication_role\b|\bDISABLE\s+TRIGGER\s+ALL\b/i.test(sql))
    return `what turns the check of foreign keys off is not for migrations: ${sql}`
  if (/\btrack_counts\b/i.test(sql)) return `track_counts is not for migrations: lost rows are noticed by it: ${sql}`
  if (first === 'LISTEN' || first === 'UNLISTEN' || first === 'LOAD')
    return `${first} is not for migrations: it outlives their transaction`
  return undefined
}
