import { finding, type Placed, place } from './finding.ts'
import { isCode } from './rules.ts'

/** `// lint-ok CODE: reason` in a migration's text, or the same between the marks of a block. */
const comment = /(?:\/\/|\/\*+)[^\S\n]*lint-ok\b(?:(?!\*\/)[^\n])*/g
const start = /^(?:\/\/|\/\*+)[^\S\n]*lint-ok/
const form = /^\s*(?<code>\w+)\s*:\s*\S/

export type Judged = Readonly<{
  /** what is left to be said, comments without code or reason with it (HM901) */
  open: readonly Placed[]
  /** comments that silenced nothing (HM902) */
  unused: readonly Placed[]
}>

/** Takes away the findings of a migration that its text says are right, each with a reason. */
export const judge = (findings: readonly Placed[], text: string): Judged => {
  const comments = [...text.matchAll(comment)].map(([all]) => all.replace(start, ''))
  const codeOf = (words: string) => form.exec(words)?.groups?.code ?? ''
  const allowed = comments.map(codeOf).filter(isCode)
  return {
    open: [
      ...findings.filter(({ code }) => !allowed.includes(code)),
      ...comments
        .filter(words => !isCode(codeOf(words)))
        .map(words => place(null)(finding('HM901', `has "// lint-ok${words.trimEnd()}"`, undefined))),
    ],
    unused: allowed
      .filter(code => !findings.some(found => found.code === code))
      .map(code => place(null)(finding('HM902', `has "// lint-ok ${code}", which is not found in it`, undefined))),
  }
}
