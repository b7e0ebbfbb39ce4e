import { basename } from 'node:path'
import type { Connection } from '../database/open.ts'
import { readSchema } from '../database/schema.ts'
import { digest } from '../digest.ts'
import type { AppliedMigration } from '../migrations/history.ts'
import type { Marker } from './marker.ts'

/** The part of a marker that can be held against the database. */
export type Truth = Pick<Marker, 'schema' | 'migrations' | 'database' | 'fingerprint'>

/** What a marker must say of this database to be true. */
export const truthOf = (connection: Connection, applied: readonly AppliedMigration[]): Truth => ({
  schema: applied.at(-1)?.name ?? '',
  migrations: applied.length,
  database: basename(connection.name),
  fingerprint: digest(
    JSON.stringify([
      readSchema(connection).filter(({ sql }) => !isPlainIndex.test(sql)),
      ...applied.map(({ name, checksum }) => [name, checksum]),
    ]),
  ),
})

/**
 * One that is not UNIQUE changes neither what is stored nor what is read: whoever adds it leaves the volume ready. SQLite keeps each text
 * with its first words in capitals.
 */
const isPlainIndex = /^CREATE INDEX /

const fields = ['schema', 'migrations', 'database', 'fingerprint'] as const

/** In which of its fields a marker is not true. */
export const untrueFields = (marker: Marker, truth: Truth): readonly (keyof Truth)[] =>
  fields.filter(field => marker[field] !== truth[field])

export const isTrue = (marker: Marker, truth: Truth): boolean => untrueFields(marker, truth).length === 0
