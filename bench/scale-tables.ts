/** What bench/scale.ts measured, as rows, as tables and as graphs, with what a year would take. */
import { formatBytes, formatCount } from '../src/text.ts'
import type { Panel } from './chart.ts'
import { designs } from './designs.ts'
import { median } from './measure.ts'
import { type Change, type Cost, changeNames, type Measured } from './measure-design.ts'
import type { Raw } from './raw.ts'

/** What is the same however many metrics there are: the same on a database that has next to none. */
export type Bases = ReadonlyMap<string, Measured>

const rounded = (value: number): number => Number(value.toPrecision(3))

export const rawOf = ({ ups, ingest, removed, ...measured }: Measured): readonly Raw[] => {
  const { design, servers, rows, recent, bytes, page, pageCounting, day, load } = measured
  const of = { design, servers, metrics: rows }
  const cost = ({ seconds, cpu, waited }: Cost) => ({
    ...{ seconds: rounded(seconds), cpu_s: rounded(cpu), longest_write_s: rounded(waited) },
  })
  return [
    { ...of, what: 'size', bytes, minutes_of_last_day: recent, load },
    { ...of, what: 'page', seconds: rounded(page) },
    { ...of, what: 'page that counts rows', seconds: rounded(pageCounting) },
    { ...of, what: 'a day of a server', seconds: rounded(day) },
    ...changeNames.map(change => ({ ...of, what: `up ${change}`, ...cost(ups[change]) })),
    { ...of, what: 'a month goes', metrics_gone: removed.rows, ...cost(removed) },
    ...ingest.map(({ hubs, perSecond, hubCpu, serverCpu, failed }) => ({
      ...{ ...of, what: 'ingest', hubs, per_second: rounded(perSecond), failed },
      ...{ hub_cpu_ms: rounded(hubCpu * 1000), server_cpu_ms: rounded(serverCpu * 1000) },
    })),
  ]
}

const yearOfMetrics = (servers: number): number => servers * 365 * 1440

/** What something takes of a whole year: what it takes of next to none, and as much for each metric as was measured. */
const onYear = ({ servers, rows }: Measured, value: number, least = 0): number =>
  least + (Math.max(0, value - least) * yearOfMetrics(servers)) / rows

/** Seconds are those of CPU: by the clock they are more where others use the machine, or the disk is waited for. */
const reckon = (bases: Bases) => ({
  bytes: (measured: Measured): number => onYear(measured, measured.bytes),
  up: (measured: Measured, change: Change): number =>
    onYear(measured, measured.ups[change].cpu, bases.get(measured.design)?.ups[change].cpu),
  /** of a whole day, where fewer hours were there */
  day: ({ day, recent }: Measured): number => (day * 1440) / recent,
  page: ({ page, recent }: Measured): number => (page * 1440) / recent,
  /** a partition goes as quickly whatever is in it */
  month: ({ design, servers, removed }: Measured): number =>
    isByMonth(design) ? removed.seconds : (removed.seconds * servers * 30 * 1440) / Math.max(1, removed.rows),
})

const isByMonth = (design: string): boolean => design.endsWith('by month')

const inDigits = (value: number): string => String(Number(value.toPrecision(2)))
const shownTime = (seconds: number): string => {
  if (seconds < 0.0995) return `${inDigits(seconds * 1000)} ms`
  if (seconds < 119.5) return `${inDigits(seconds)} s`
  return seconds < 7200 ? `${(seconds / 60).toFixed(0)} min` : `${inDigits(seconds / 3600)} h`
}
const shownBytes = (bytes: number): string => formatBytes(bytes, { maximumFractionDigits: bytes < 1e10 ? 1 : 0 })

const table = (head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] => [
  `| ${head.join(' | ')} |`,
  `|${'---|'.repeat(head.length)}`,
  ...rows.map(cells => `| ${cells.join(' | ')} |`),
]

const order = designs.map(({ name }) => name)
const bySize = (all: readonly Measured[]): readonly Measured[] =>
  all.toSorted((a, b) => a.servers - b.servers || order.indexOf(a.design) - order.indexOf(b.design))
const namesOf = ({ servers, design }: Measured): readonly string[] => [formatCount(servers), design]

/** Of sizes and reads. */
export const readingTable = (all: readonly Measured[], bases: Bases): readonly string[] => {
  const { bytes, day, page } = reckon(bases)
  return table(
    ['servers', 'design', 'metrics here', 'bytes of each', 'a year', 'a day of one server', 'the page'],
    bySize(all).map(measured => [
      ...[...namesOf(measured), formatCount(measured.rows), (measured.bytes / measured.rows).toFixed(0)],
      shownBytes(bytes(measured)),
      ...[day(measured), page(measured)].map(shownTime),
    ]),
  )
}

/** Of what `up` and the end of a month took: how long, and in brackets the longest write beside it. */
export const changingTable = (all: readonly Measured[]): readonly string[] =>
  table(
    ['servers', 'design', 'metrics here', ...changeNames.map(name => `\`up\` ${name}`), 'a month goes', 'of metrics'],
    bySize(all).map(measured => [
      ...[...namesOf(measured), formatCount(measured.rows)],
      ...[...changeNames.map(name => measured.ups[name]), measured.removed].map(
        ({ seconds, waited }) => `${shownTime(seconds)} (${shownTime(waited)})`,
      ),
      formatCount(measured.removed.rows),
    ]),
  )

/** The same of a whole year, reckoned: CPU, and in brackets the share of the time in which a write had to wait. */
export const yearTable = (all: readonly Measured[], bases: Bases): readonly string[] =>
  table(
    ['servers', 'design', 'metrics', ...changeNames.map(name => `\`up\` ${name}`), 'a month goes'],
    bySize(all).map(measured => [
      ...[...namesOf(measured), formatCount(yearOfMetrics(measured.servers))],
      ...changeNames.map(name => {
        const { seconds, waited } = measured.ups[name]
        return `${shownTime(reckon(bases).up(measured, name))} (${Math.min(100, Math.round((waited / seconds) * 100))} %)`
      }),
      shownTime(reckon(bases).month(measured)),
    ]),
  )

export const ingestTable = (all: readonly Measured[]): readonly string[] =>
  table(
    [
      'servers',
      'design',
      'hubs',
      'metrics a second',
      'failed',
      'CPU of hubs, ms each',
      'of the server, ms each',
      'servers that a core carries',
    ],
    bySize(all).flatMap(({ servers, design, ingest }) =>
      ingest.map(({ hubs, perSecond, hubCpu, serverCpu, failed }) => [
        ...[formatCount(servers), design, String(hubs), formatCount(Math.round(perSecond)), String(failed)],
        ...[hubCpu, serverCpu].map(cpu => (cpu * 1000).toFixed(2)),
        formatCount(Math.round(60 / (hubCpu + serverCpu) / 100) * 100),
      ]),
    ),
  )

export const clusterTable = (rows: readonly Raw[]): readonly string[] => {
  const spread = (own: readonly Raw[], name: string): string => {
    const values = own.map(row => Number(row[name])).toSorted((a, b) => a - b)
    return `${median(values)} (${values[0]} to ${values.at(-1)})`
  }
  return table(
    [
      ...['what', 'rounds', 'requests failed, of 50 a second', 'seconds from the first to the last of them'],
      ...['longest answer, s', 'until the cluster was whole, s'],
    ],
    [...Map.groupBy(rows, ({ kind }) => String(kind))].map(([kind, own]) => [
      ...[kind, String(own.length)],
      ...['failed', 'failing_s', 'longest_answer_s', 'cluster_whole_after_s'].map(name => spread(own, name)),
    ]),
  )
}

export const panelsOf = (all: readonly Measured[], bases: Bases): readonly Panel[] => {
  const { bytes, up, page } = reckon(bases)
  const lines = (value: (measured: Measured) => number) =>
    [...Map.groupBy(bySize(all), ({ design }) => design)].map(([name, own]) => ({
      name,
      points: own.map(measured => [measured.servers, value(measured)] as const),
    }))
  const ups = changeNames.filter(name => name !== 'builds an index')
  return [
    { title: 'A year of metrics', lines: lines(bytes), show: shownBytes },
    { title: "The hub's page", lines: lines(page), show: shownTime },
    ...ups.map(name => ({
      title: `up ${name}, of a year`,
      lines: lines(measured => up(measured, name)),
      show: shownTime,
    })),
  ]
}
