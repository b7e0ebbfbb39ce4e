import type { ServerView } from './read-fleet.ts'

const style = `
  :root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif }
  body { margin: 2rem auto; max-width: 76rem; padding: 0 1rem }
  h1 { font-size: 1.4rem; margin: 0 } header p { margin: .2rem 0 1.5rem; opacity: .75 }
  main { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(21rem, 1fr)) }
  article { border: 1px solid #8884; border-radius: .6rem; padding: .9rem 1rem }
  h2 { align-items: baseline; display: flex; font-size: 1.05rem; gap: .5rem; justify-content: space-between; margin: 0 }
  .state { font-size: .8rem; font-weight: 600 } .state::before { content: '● ' }
  .online { color: #17803d } .offline { color: #c62828 } .unknown { color: #8a6d00 }
  @media (prefers-color-scheme: dark) { .online { color: #4cc46f } .offline { color: #ff7b72 } .unknown { color: #d9b44a } }
  article p { font-size: .8rem; margin: .1rem 0 .6rem; opacity: .75 }
  dl { display: grid; gap: .2rem .7rem; grid-template-columns: auto 4.5rem 1fr; margin: 0; align-items: center }
  dt { font-size: .85rem } dd { font-variant-numeric: tabular-nums; margin: 0; text-align: right }
  svg { display: block; height: 1.9rem; width: 100% } path { fill: none; stroke: #3b7dd8; stroke-width: 1.5; vector-effect: non-scaling-stroke }
  .rest { display: flex; flex-wrap: wrap; font-size: .8rem; gap: .2rem 1rem; justify-content: space-between; margin: .7rem 0 0; opacity: .85 }`

/** One HTML page of the whole fleet: no script, nothing loaded from anywhere, and it renews itself each minute. */
export const renderPage = (fleet: readonly ServerView[], now: number): string => {
  const online = fleet.filter(({ status }) => status === 'online').length
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="60"><title>Homelab: ${online} of ${fleet.length} online</title>
<style>${style}</style>
</head>
<body>
<header><h1>Homelab</h1><p>${online} of ${fleet.length} servers online. Lines: the last 24 hours, 0 to 100 %.</p></header>
<main>
${fleet.length === 0 ? '<p>No servers yet: PUT /servers/:id makes one.</p>' : fleet.map(server => article(server, now)).join('\n')}
</main>
</body>
</html>
`
}

const article = (server: ServerView, now: number): string => `<article id="${toHtml(server.id)}">
<h2>${toHtml(server.name)} <span class="state ${stateClass(server.status)}">${toHtml(server.status)}</span></h2>
<p>${toHtml(server.system) || 'system unknown'} · ${seen(server.last_seen, now)}</p>
<dl>
<dt>CPU</dt><dd>${percent(server.cpu_percent)}</dd><dd>${sparkline('CPU', server.cpu)}</dd>
<dt>Memory</dt><dd>${percent(server.memory_percent)}</dd><dd>${sparkline('memory', server.memory)}</dd>
</dl>
<div class="rest"><span>Disk ${percent(server.disk_percent)}</span><span>Load ${server.load_1m?.toFixed(2) ?? '–'}</span>
<span>Up ${server.uptime_seconds === null ? '–' : duration(server.uptime_seconds)}</span></div>
</article>`

/** A line from left to right, broken where nothing was measured. */
const sparkline = (what: string, values: readonly (number | null)[]): string => {
  const known = values.filter(value => value !== null)
  const label =
    known.length === 0 ? `no ${what} data` : `${what}, ${percent(Math.min(...known))} to ${percent(Math.max(...known))}`
  const points = values.map((value, x) => {
    const pen = x === 0 || values[x - 1] === null ? 'M' : 'L'
    return value === null ? '' : `${pen}${x} ${(100 - Math.min(Math.max(value, 0), 100)).toFixed(1)}`
  })
  const box = `0 0 ${values.length - 1} 100`
  return `<svg viewBox="${box}" preserveAspectRatio="none" role="img" aria-label="${label}"><path d="${points.join('')}"/></svg>`
}

const percent = (value: number | null): string => (value === null ? '–' : `${value.toFixed(1)} %`)

/** A time in the database is UTC, `2026-01-18 10:00:00`, with or without milliseconds. */
const seen = (time: string | Date | null, now: number): string => {
  if (time === null) return 'never seen'
  const at = time instanceof Date ? time.getTime() : Date.parse(`${time.replace(' ', 'T')}Z`)
  return `seen ${duration(Math.max(0, (now - at) / 1000))} ago`
}

const duration = (seconds: number): string => {
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`
  return seconds < 2 * 86_400 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} days`
}

const stateClass = (status: string): string => (status === 'online' || status === 'offline' ? status : 'unknown')

/** What agents report goes into the page as text, whatever it is. */
const toHtml = (text: string): string => text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
