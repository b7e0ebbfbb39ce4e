import { type Check, checkFile } from '../sqlite/check.ts'
import { copyDatabase } from '../sqlite/copy.ts'
import { type HelperAnswer, type HelperError, tryLock } from '../sqlite/helper.ts'

/**
 * The child side of a helper process (src/sqlite/helper.ts): does one job and prints a HelperAnswer as JSON.
 * @param words `inspect FILE CHECK`, `copy FROM TO STATE CHECK` or `lock FILE`
 */
export const internal = async (print: (text: string) => void, words: readonly string[]): Promise<void> => {
  const answer: HelperAnswer = await work(words).then(
    value => ({ value }),
    error => ({ error: toAnswer(error) }),
  )
  print(JSON.stringify(answer))
}

/** The fields the parent process needs to throw the same error. */
const toAnswer = ({ message, code, errno, path, hint }: HelperError): HelperError => ({
  message,
  code,
  errno,
  path,
  hint,
})

const work = async (words: readonly string[]): Promise<unknown> => {
  const [job, path = '', target = '', state] = words
  if (job === 'inspect') return checkFile(path, toCheck(words.at(-1)))
  if (job === 'copy') return copyDatabase(path, target, toCheck(words.at(-1)), state === 'open' ? state : 'at rest')
  if (job === 'lock') return tryLock(path)
  throw new Error(`${job} is no job of a helper process`)
}

const toCheck = (word: string | undefined): Check => (word === 'integrity_check' ? word : 'quick_check')
