import { Failure } from './failure.ts'
import { hasTime } from './migrations/files.ts'
import { numberOf } from './migrations/plan.ts'
import { didYouMean, listed } from './text.ts'

/** The names that a person means: one of them, those with a number (`2`, `0002`), or those that begin so. */
export const namesMeant = (word: string, names: readonly string[]): readonly string[] => {
  if (names.includes(word)) return [word]
  const numbered = names.filter(name => /^\d{1,4}$/.test(word) && !hasTime(name) && numberOf(name) === Number(word))
  return numbered.length > 0 ? numbered : names.filter(name => word !== '' && name.startsWith(word))
}

/**
 * The migration that a person means.
 * @throws Failure CONFIG_INVALID for a name that no migration in a folder has, with the nearest, or that several begin with
 */
export const migrationMeant = <M extends Readonly<{ name: string }>>(
  word: string,
  migrations: readonly M[],
  folder: string,
): M => {
  const names = migrations.map(({ name }) => name)
  const [meant, ...others] = namesMeant(word, names)
  const found = migrations.find(({ name }) => name === meant)
  if (found === undefined)
    throw new Failure(
      'CONFIG_INVALID',
      `there is no migration ${word} in ${folder}${didYouMean(word, names)}`,
      namesHint,
    )
  if (others.length === 0) return found
  throw new Failure(
    'CONFIG_INVALID',
    `${word} fits several migrations: ${listed([String(meant), ...others])}`,
    namesHint,
  )
}

export const namesHint =
  '`migrator status` lists the names; leave out the extension. A number or the beginning of a name will do.'
