import { bucketSeconds, type ServerView } from './read-fleet.ts'

/** What the page says of a server, which is what is known now: a status in the database stays after its agent has died. */
type State = Readonly<{
  word: string
  kind: 'offline' | 'silent' | 'full' | 'unknown' | 'new' | 'online'
  heard: string
}>

/** The order of the cards: trouble first. */
const kinds: readonly State['kind'][] = ['offline', 'silent', 'full', 'unknown', 'new', 'online']
const trouble = kinds.slice(0, 3)

/** Percent from which a disk or a memory counts as full. */
const full = { disk: 90, memory: 95 }

const isFull = ({ disk_percent, memory_percent }: ServerView): boolean =>
  (disk_percent ?? 0) >= full.disk || (memory_percent ?? 0) >= full.memory

export const stateOf = (server: ServerView, now: number): State => {
  const { status, heard } = server
  if (heard === null) return { word: 'new', kind: 'new', heard: 'nothing reported yet' }
  const seconds = Math.max(0, (now - heard) / 1000)
  const ago = seconds < 60 ? 'just now' : `${duration(seconds)} ago`
  if (status === 'offline') return { word: 'offline', kind: 'offline', heard: `last heard of ${ago}` }
  if (seconds > bucketSeconds) return { word: 'silent', kind: 'silent', heard: `last heard of ${ago}` }
  const word = status ?? 'unknown'
  if (word !== 'online') return { word, kind: 'unknown', heard: `reported ${ago}` }
  return isFull(server)
    ? { word: 'nearly full', kind: 'full', heard: `reported ${ago}` }
    : { word, kind: 'online', heard: `reported ${ago}` }
}

export const isTrouble = ({ kind }: State): boolean => trouble.includes(kind)
export const isOnline = ({ kind }: State): boolean => kind === 'online' || kind === 'full'
export const inOrder = (a: State, b: State): number => kinds.indexOf(a.kind) - kinds.indexOf(b.kind)

/** A server that is not heard of any more is grey, and its values are said to be the last ones. */
export const card = (server: ServerView, { word, kind, heard }: State): string => {
  const isPast = kind === 'offline' || kind === 'silent'
  const value = (text: string, isHigh = false): string =>
    `<b${isHigh && !isPast ? ' class="high"' : ''}>${isPast && text !== none ? '<i>last</i> ' : ''}${text}</b>`
  const { cpu_percent, memory_percent, memory_total_mb, disk_percent, disk_total_gb, load_1m, uptime_seconds } = server
  const about = [server.system || 'system unknown', server.address ?? ''].filter(text => text !== '').map(toHtml)
  const ofMemory = memory_total_mb === null ? '' : ` <small>of ${size(memory_total_mb / 1024)}</small>`
  const ofDisk = disk_total_gb === null ? '' : ` <small>of ${size(disk_total_gb)}</small>`
  const disk = Math.min(Math.max(disk_percent ?? 0, 0), 100).toFixed(0)
  return `<article id="${toHtml(server.id)}" class="${isPast ? 'past ' : ''}${kind}">
<h2>${toHtml(server.name)} <span class="state">${toHtml(word)}</span></h2>
<p>${about.join(' · ')}<br>${heard}</p>
<h3>CPU ${value(percent(cpu_percent))}</h3>${graph('CPU', server.cpu)}
<h3>Memory${ofMemory} ${value(percent(memory_percent), (memory_percent ?? 0) >= full.memory)}</h3>${graph('memory', server.memory)}
<p class="axis"><span>24 h ago</span><span>12 h</span><span>now</span></p>
<h3>Disk${ofDisk} ${value(percent(disk_percent), (disk_percent ?? 0) >= full.disk)}</h3>
<div class="bar"><span style="width:${disk}%"></span></div>
<div class="pair"><h3>Load ${value(load_1m?.toFixed(2) ?? none)}</h3>
<h3>Up ${value(uptime_seconds === null ? none : duration(uptime_seconds))}</h3></div>
</article>`
}

const none = '–'
const percent = (value: number | null): string => (value === null ? none : `${value.toFixed(0)} %`)
const size = (gigabytes: number): string =>
  gigabytes >= 1000
    ? `${round(gigabytes / 1000)} TB`
    : gigabytes >= 1
      ? `${round(gigabytes)} GB`
      : `${round(gigabytes * 1024)} MB`
const round = (value: number): string => String(Number(value.toPrecision(3)))

/** A filled line on a frame of 0 to 100 %, 24 hours wide. The frame is hatched; where something was reported, the hatching is covered. */
const graph = (what: string, values: readonly (number | null)[]): string => {
  const runs = runsOf(values)
  const known = values.filter(value => value !== null)
  const label =
    known.length === 0
      ? `${what}: nothing reported for 24 hours`
      : `${what} over 24 hours: ${percent(Math.min(...known))} to ${percent(Math.max(...known))}`
  const shapes = runs.map(({ start, heights }) => {
    const end = start + heights.length
    const points = heights.map((y, place) => `L${start + place + 0.5} ${y}`).join('')
    const line = `M${start} ${heights[0]}${points}L${end} ${heights.at(-1)}`
    return `<path class="back" d="M${start} 0V100H${end}V0Z"/><path class="area" d="${line}V100H${start}Z"/><path class="line" d="${line}"/>`
  })
  const box = `viewBox="0 0 ${values.length} 100" preserveAspectRatio="none"`
  const empty = known.length === 0 ? '<figcaption>nothing for 24 hours</figcaption>' : ''
  return `<figure><svg ${box} role="img" aria-label="${label}">${shapes.join('')}<path class="half" d="M0 50H${values.length}"/></svg>${empty}</figure>`
}

/** Stretches without a gap, as heights from the top of the frame. */
const runsOf = (values: readonly (number | null)[]) => {
  const runs: { start: number; heights: number[] }[] = []
  for (const [place, value] of values.entries()) {
    if (value === null) continue
    const height = Number((100 - Math.min(Math.max(value, 0), 100)).toFixed(1))
    const last = runs.at(-1)
    if (last !== undefined && last.start + last.heights.length === place) last.heights.push(height)
    else runs.push({ start: place, heights: [height] })
  }
  return runs
}

export const duration = (seconds: number): string => {
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`
  return seconds < 2 * 86_400 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} days`
}

/** What agents report goes into the page as text, whatever it is. */
export const toHtml = (text: string): string => text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
