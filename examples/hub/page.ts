import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Status } from 'homelab-migrator'
import { card, inOrder, isOnline, isTrouble, stateOf, toHtml } from './card.ts'
import type { ServerView } from './read-fleet.ts'

const [style, script] = ['page.css', 'renew.js'].map(name => readFileSync(join(import.meta.dirname, name), 'utf8'))

/** Nothing is loaded from anywhere, and no script runs but this one: what agents report can do no harm even as HTML. */
export const policy = [
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'",
  `script-src 'sha256-${createHash('sha256')
    .update(script ?? '')
    .digest('base64')}'`,
].join('; ')

/**
 * One HTML page of the whole fleet, in trouble first. It renews itself each minute.
 * @param migrator what the migrator says of the volume; undefined if it cannot say
 * @param address where this hub is, for the commands of a first page
 */
export const renderPage = (
  fleet: readonly ServerView[],
  migrator: Status | undefined,
  now: number,
  address: string,
): string => {
  const servers = fleet.map(server => ({ server, state: stateOf(server, now) }))
  const troubled = servers.filter(({ state }) => isTrouble(state)).length
  const online = servers.filter(({ state }) => isOnline(state)).length
  const cards = servers.toSorted((a, b) => inOrder(a.state, b.state)).map(({ server, state }) => card(server, state))
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Homelab: ${fleet.length === 0 ? 'no servers yet' : `${online} of ${fleet.length} online`}</title>
<link rel="icon" href="${icon(troubled > 0)}">
<style>${style}</style>
<script>${script}</script>
</head>
<body>
<header><h1>Homelab</h1><p>${summary(fleet.length, online, troubled)}</p></header>
<p id="lost" role="status" hidden></p>
<main>
${fleet.length === 0 ? firstSteps(address) : cards.join('\n')}
</main>
<footer>${footer(migrator)}</footer>
</body>
</html>
`
}

const summary = (all: number, online: number, troubled: number): string =>
  all === 0
    ? 'No servers yet'
    : `${online} of ${all} servers online${troubled === 0 ? '' : `, <strong>${troubled} in trouble</strong>`}
<small>Graphs: the last 24 hours, 0 to 100 %. <span class="hatched"></span> Nothing was reported.</small>`

const icon = (isTroubled: boolean): string =>
  `data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'%3E%3Ccircle cx='4' cy='4' r='3.5' fill='%23${isTroubled ? 'c62828' : '17803d'}'/%3E%3C/svg%3E`

/** Commands that can be pasted as they stand. */
const firstSteps = (address: string): string => `<section>
<h2>Tell the hub of a server</h2>
<p>Paste this. A server is online as long as it reports at least every ten minutes.</p>
<pre>curl -X PUT ${address}/servers/nas -d '{"hostname":"nas.lan"}'
curl ${address}/servers/nas/metrics -d '{"cpu_percent":12,"memory_percent":40,"disk_percent":55}'</pre>
<h2>Or look at made-up servers</h2>
<p>With Compose, in this database: 11 servers with 30 days of metrics.</p>
<pre>docker compose --profile demo up</pre>
<p>In a checkout, in a database of its own:</p>
<pre>npm run demo</pre>
</section>`

const footer = (migrator: Status | undefined): string => {
  if (migrator === undefined) return 'What the migrator says of the volume cannot be read; the log says why.'
  const { migrations, marker, tables, backups, server } = migrator
  const last = migrations.findLast(({ appliedAt }) => appliedAt !== null)
  const rows = new Map(tables.map(({ name, rows }) => [name, rows.toLocaleString('en')]))
  const facts: readonly (readonly [string, string | null | undefined])[] = [
    ['Schema', last?.name],
    // a server has no marker, and its backups are not the migrator's
    ['Ready since', time(marker?.readyAt ?? last?.appliedAt)],
    ['Last check', server === null ? (time(marker?.checkedAt) ?? 'none yet') : undefined],
    ['Rows', ['server', 'metric'].map(name => thingsOf(rows.get(`${name}s`) ?? '0', name)).join(', ')],
    ['Last backup', server === null ? (time(backups.at(-1)?.madeAt) ?? 'none yet') : undefined],
    ['Database', server?.version],
  ]
  const shown = facts.flatMap(([name, text]) => (text ? [`<div><dt>${name}</dt><dd>${toHtml(text)}</dd></div>`] : []))
  return `<dl>${shown.join('')}</dl>`
}

const thingsOf = (count: string, name: string): string => `${count} ${name}${count === '1' ? '' : 's'}`

const time = (text: string | null | undefined): string | undefined =>
  text ? `${new Date(text).toISOString().slice(0, 16).replace('T', ' ')} UTC` : undefined
