import { Failure } from '../failure.ts'
import type { Context } from './context.ts'

/**
 * Has the person at the terminal say yes, unless that was said by `--yes`.
 * @param what shall be done, as a sentence without a mark at its end
 * @throws Failure CONFIG_INVALID for any other answer, and where there is nobody to ask
 */
export const confirm = async ({ ask }: Context, yes: boolean, what: string): Promise<void> => {
  if (yes) return
  const answer = await ask(`${what}. Go on? [y/N] `)
  if (answer === undefined)
    throw new Failure('CONFIG_INVALID', `${what}: there is no terminal to ask at`, 'Say --yes to do it.')
  if (!/^y(?:es)?$/i.test(answer.trim())) throw new Failure('CONFIG_INVALID', 'not confirmed', 'Nothing was changed.')
}
