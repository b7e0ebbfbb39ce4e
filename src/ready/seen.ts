import { basename } from 'node:path'
import type { Connection } from '../database/open.ts'
import { readSchema } from '../database/schema.ts'
import type { MigrationText } from '../migrations/files.ts'
import { readHistory } from '../migrations/history.ts'
import type { Marker } from './marker.ts'

/**
 * A quick checksum of everything that the long way of `up` decides by: the migrations' texts, the schema, the history, and
 * what the marker says. While it is what a finished run left in the marker, nothing of it has changed since.
 *
 * It only has to notice a change, so it is FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/) over UTF-16 code units in a few
 * lines: loading node:crypto takes a tenth of a whole run with nothing to do.
 */
export const seenOf = (
  connection: Connection,
  texts: readonly MigrationText[],
  { schema, migrations, database, fingerprint, version }: Omit<Marker, 'seen' | 'checkedAt' | 'readyAt'>,
): string => {
  const told = [schema, migrations, database, fingerprint, version]
  const found = [basename(connection.name), readSchema(connection), readHistory(connection)]
  const all = JSON.stringify([told, found, texts.map(({ name, text }) => [name, text])])
  let hash = 0x811c9dc5
  for (let index = 0; index < all.length; index += 1) hash = Math.imul(hash ^ all.charCodeAt(index), 0x01000193)
  return `${all.length}-${(hash >>> 0).toString(16)}`
}
