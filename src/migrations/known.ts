import { digest } from '../digest.ts'
import { type MigrationText, readMigrationTexts } from './files.ts'

/** A migration that is in the image: its file has been read, not run. */
export type KnownMigration = Readonly<{
  /** file name without extension: `0001-create-servers` */
  name: string
  file: string
  /** `sha256:` and the digest of its text, line endings normalised */
  checksum: string
}>

export const toKnown = ({ name, file, text }: MigrationText): KnownMigration => ({ name, file, checksum: digest(text) })

/** The migrations in a folder, by name. Throws as readMigrationTexts does. */
export const readMigrations = (folder: string): readonly KnownMigration[] => readMigrationTexts(folder).map(toKnown)
