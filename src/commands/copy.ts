import type { Context } from '../context.ts'
import { placesOf } from '../copy/sides.ts'
import { formatThings } from '../text.ts'

/** @param tables names of other tools' tables with commas between them */
type CopyOptions = Readonly<{ from?: string | undefined; check: boolean; tables?: string | undefined }>

/**
 * Copies a database from a file to a server or back, and compares both; with `check` it only compares.
 * @throws Failure CONFIG_INVALID, VALUES_REFUSED, DATABASES_DIFFER, SOURCE_CHANGED; what opening and migrating a database throw
 */
export const copy = async (context: Context, { from, check, tables = '' }: CopyOptions): Promise<void> => {
  const { config, log } = context
  const places = placesOf(context, from)
  const names = tables.split(',').flatMap(name => name.trim() || [])
  const start = performance.now()
  const { schema, tables: count, rows } = await workOf(places.from, check).then(work => work(context, places, names))
  const milliseconds = Math.round(performance.now() - start)
  const what = `${formatThings(rows, 'row')} of ${formatThings(count, 'table')}`
  const done = check ? `the same: ${what}` : `copied and compared ${what}`
  log.info('copy.done', `${done} in ${milliseconds} ms: ${config.database} is at ${schema}`, {
    ...{ schema, tables: count, rows, milliseconds },
  })
}

const workOf = async (from: 'file' | 'server', check: boolean) => {
  if (check) return (await import('../copy/check.ts')).checkDatabases
  return from === 'file'
    ? (await import('../copy/to-server.ts')).copyToServer
    : (await import('../copy/to-file.ts')).copyToFile
}
