import { type Token, textOf, tokensOf, wordAt } from '../../database/tokens.ts'
import type { Step } from '../recorder.ts'
import { changeOf } from './change.ts'
import { type Finding, finding } from './finding.ts'

/** HM502: statements that write what the clock says, or chance. What a DEFAULT or a generated column has is none of them. */
export const findChance = (steps: readonly Step[]): readonly Finding[] =>
  steps.flatMap(step => {
    const change = changeOf(step.sql)
    if (change === undefined || change.verb === 'DELETE') return []
    const asked = new Set(chancesIn(tokensOf(step.sql)))
    return [...asked].map(what => finding('HM502', `asks SQLite for ${what}`, step))
  })

const chancesIn = (tokens: readonly Token[]): readonly string[] =>
  tokens.flatMap(({ text }, index) => {
    if (/^CURRENT_(?:TIMESTAMP|DATE|TIME)$/i.test(text)) return [text]
    // a table may have such a name, too
    if (wordAt(tokens, index + 1) !== '(' || /^INTO$/i.test(wordAt(tokens, index - 1))) return []
    const call = callAt(tokens, index)
    return /^random(?:blob)?$/i.test(text) || asksClock(text, call.slice(2, -1)) ? [textOf(call)] : []
  })

/** A function's name and what is in its parentheses, with them. */
const callAt = (tokens: readonly Token[], index: number): readonly Token[] => {
  const rest = tokens.slice(index)
  const depth = rest[0]?.depth
  return rest.slice(0, rest.findIndex(token => token.text === ')' && token.depth === depth) + 1)
}

/** Without a time that is `now`, too: https://www.sqlite.org/lang_datefunc.html */
const asksClock = (name: string, values: readonly Token[]): boolean => {
  const own = values.filter(({ depth }) => depth === values[0]?.depth)
  if (/^(?:date|time|datetime|julianday|unixepoch|strftime|timediff)$/i.test(name) && own.some(isNow)) return true
  if (/^strftime$/i.test(name)) return own.length === 1
  return /^(?:date|time|datetime|julianday|unixepoch)$/i.test(name) && own.length === 0
}

const isNow = ({ text }: Token): boolean => /^'now'$/i.test(text)
