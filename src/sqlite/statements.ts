import { placesIn, type Statement } from '../sql-file.ts'
import { type Token, tokensOf } from './sql.ts'

type Word = ';' | 'EXPLAIN' | 'CREATE' | 'TEMP' | 'TRIGGER' | 'END' | 'other'
type State = 'start' | 'statement' | 'explain' | 'create' | 'trigger' | 'trigger;' | 'trigger; END'

/**
 * What each word leads to: a semicolon ends a statement, but a CREATE TRIGGER ends at `; END ;`, since semicolons end the statements
 * within it. The rule of sqlite3_complete: https://www.sqlite.org/c3ref/complete.html
 */
const transitions: Readonly<Record<State, Readonly<Partial<Record<Word, State>> & { other: State }>>> = {
  start: { ';': 'start', EXPLAIN: 'explain', CREATE: 'create', other: 'statement' },
  statement: { ';': 'start', other: 'statement' },
  // EXPLAIN QUERY PLAN CREATE TRIGGER
  explain: { ';': 'start', CREATE: 'create', other: 'explain' },
  create: { ';': 'start', TEMP: 'create', TRIGGER: 'trigger', other: 'statement' },
  trigger: { ';': 'trigger;', other: 'trigger' },
  'trigger;': { ';': 'trigger;', END: 'trigger; END', other: 'trigger' },
  'trigger; END': { ';': 'start', other: 'trigger' },
}

const wordOf = ({ kind, text }: Token): Word => {
  if (text === ';') return ';'
  const word = kind === 'word' ? text.toUpperCase() : ''
  if (word === 'TEMPORARY') return 'TEMP'
  return word === 'EXPLAIN' || word === 'CREATE' || word === 'TEMP' || word === 'TRIGGER' || word === 'END'
    ? word
    : 'other'
}

/** Splits a text into its statements; comments between them are left out. */
export const statementsOf = (text: string): readonly Statement[] => {
  const statements: Statement[] = []
  const placeOf = placesIn(text)
  let state: State = 'start'
  let first: Token | undefined
  let last: Token | undefined
  const end = (): void => {
    if (first !== undefined && last !== undefined)
      statements.push({ sql: text.slice(first.start, last.end), ...placeOf(first.start) })
    first = undefined
  }
  for (const token of tokensOf(text)) {
    const word = wordOf(token)
    state = transitions[state][word] ?? transitions[state].other
    if (state === 'start') end()
    else {
      first ??= token
      last = token
    }
  }
  end()
  return statements
}
