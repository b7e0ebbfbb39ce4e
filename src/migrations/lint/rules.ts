import { atlasRules } from './atlas-rules.ts'
import { ownRules } from './own-rules.ts'

/** Everything that `lint` finds; docs/commands/lint.md lists it. */
export const rules = { ...atlasRules, ...ownRules }

export type Code = keyof typeof rules

export const isCode = (text: string): text is Code => Object.hasOwn(rules, text)
