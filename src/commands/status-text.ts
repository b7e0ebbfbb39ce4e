import { basename } from 'node:path'
import { formatBytes, formatCount, formatThings, formatTime } from '../for-people.ts'
import type { Screen, Style } from '../screen.ts'
import { headedTable } from '../text-table.ts'
import type { MigrationState, Status } from './status.ts'

/** What `status` shows to a person: paragraphs, those left out that would be empty. Times are in UTC. */
export const statusText = (found: Status, screen: Screen): string => {
  const paragraphs = [
    summary(found, screen),
    migrationTable(found, screen),
    conflicts(found, screen),
    tableSizes(found, screen),
    markerAndBackups(found, screen),
  ]
  const filled = paragraphs.filter(lines => lines.length > 0).map(lines => lines.join('\n'))
  return `${filled.join('\n\n')}\n`
}

const summary = ({ database, applied, pending, ready, marker, bytes, journalMode }: Status, { paint }: Screen) => [
  [
    `${database}: ${applied} applied`,
    paint(pending === 0 ? 'green' : 'yellow', `${pending} pending`),
    // a hub of this image has to wait for what is pending, however true the marker is
    ready ? paint('green', pending === 0 ? 'ready' : `ready at ${marker?.schema}`) : paint('yellow', 'not ready'),
  ].join(', '),
  journalMode === null ? 'no database yet' : `${formatBytes(bytes)}, journal mode ${journalMode}`,
]

const colours: Readonly<Record<MigrationState, Style>> = {
  applied: 'green',
  pending: 'yellow',
  changed: 'red',
  missing: 'red',
  ahead: 'red',
  'out of order': 'red',
}

const migrationTable = ({ migrations }: Status, screen: Screen) =>
  headedTable(
    screen,
    ['migration', 'state', 'applied (UTC)', 'took', 'by'],
    migrations.map(({ name, state, appliedAt, milliseconds, migrator }) => [
      name,
      screen.paint(colours[state], state),
      formatTime(appliedAt ?? ''),
      milliseconds === null ? '' : `${formatCount(milliseconds)} ms`,
      migrator ?? '',
    ]),
  )

const conflicts = ({ conflicts }: Status, { paint }: Screen) =>
  conflicts.flatMap(({ code, name, finding, hint }) => [`${paint('red', code)}: ${name} ${finding}`, `  ${hint}`])

const tableSizes = ({ tables }: Status, screen: Screen) =>
  tables.length === 0
    ? []
    : headedTable(
        screen,
        ['table', 'rows'],
        tables.map(({ name, rows }) => [name, formatCount(rows)]),
      )

const markerAndBackups = ({ marker, ready, backups }: Status, screen: Screen) => [
  marker === null
    ? 'no ready marker'
    : `ready marker of ${marker.schema}, written ${formatTime(marker.readyAt)}${ready ? '' : screen.paint('yellow', ', not true of this database')}`,
  ...(backups.length === 0
    ? ['no backups']
    : [
        `${formatThings(backups.length, 'backup')}:`,
        ...headedTable(
          screen,
          ['backup', 'size', 'made (UTC)'],
          backups.map(({ file, bytes, madeAt }) => [basename(file), formatBytes(bytes), formatTime(madeAt)]),
        ),
      ]),
]
