import { didYouMean } from '../did-you-mean.ts'
import { Failure } from '../failure.ts'

/** A Failure CONFIG_INVALID for a name that is none of the migrations in a folder; it tells the nearest. */
export const unknownMigration = (
  name: string,
  migrations: readonly Readonly<{ name: string }>[],
  folder: string,
): Failure => {
  const nearest = didYouMean(
    name,
    migrations.map(migration => migration.name),
  )
  return new Failure('CONFIG_INVALID', `${name} is not a migration in ${folder}${nearest}`, namesHint)
}

export const namesHint = 'See "migrator status" for the names, without extension.'
