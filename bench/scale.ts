/**
 * Where each design ends: a file, a server, and a server with a partition for each month (pg_partman), with 11 to 5,000 servers at a
 * metric a minute: bytes, the example hub's page and a day of a server, how many metrics hubs take in, `up` that adds a column, builds an
 * index or writes the table anew, and a month that goes; then a cluster whose primary changes. A year is reckoned out of it.
 * `npm run bench:scale` writes the tables of docs/scale.md, docs/scale.svg and docs/scale.json. It takes half an hour, 10 GB of disk, and
 * Debian's PostgreSQL 15 with pg_partman, Patroni and etcd. SERVERS="11 50" ROWS=100000 SECONDS=1 ROUNDS=0 is a short form; with
 * sizes of its own it writes nothing. KEEP=FILE notes what was measured, and goes on from there after a run that was stopped.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatCount } from '../src/text.ts'
import { noCluster } from '../test/help/patroni.ts'
import { root } from '../test/help/program.ts'
import { chart } from './chart.ts'
import { designs } from './designs.ts'
import { withFolder } from './measure.ts'
import { type Measured, measureDesign } from './measure-design.ts'
import { keepRows, loads, machine, type Raw, writeInto } from './raw.ts'
import { changingTable, clusterTable, ingestTable, panelsOf, rawOf, readingTable, yearTable } from './scale-tables.ts'
import { measureSwitchOvers } from './switch-over.ts'

const settings = ['SERVERS', 'ROWS', 'SECONDS', 'ROUNDS', 'DESIGNS']
const {
  SERVERS = '11 50 500 5000',
  ROWS = '600000',
  SECONDS = '8',
  ROUNDS = '3',
  DESIGNS = '',
  KEEP = '',
} = process.env
const isWhole = settings.every(name => process.env[name] === undefined)
const sizes = SERVERS.split(' ').map(Number)
/** Where hubs take in as many as they can. */
const ingestAt = sizes.includes(500) ? 500 : Math.max(...sizes)

const partman = '/usr/share/postgresql/15/extension/pg_partman.control'
const reason = noCluster || (!existsSync(partman) && 'pg_partman is not installed (postgresql-15-partman)')
if (reason) throw new Error(reason)

/** What an earlier run measured, a line each. */
const known: readonly (Measured | Readonly<{ switches: readonly Raw[] }>)[] = !existsSync(KEEP)
  ? []
  : readFileSync(KEEP, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line))
const keep = <T extends (typeof known)[number]>(made: T): T => {
  if (KEEP !== '') appendFileSync(KEEP, `${JSON.stringify(made)}\n`)
  return made
}

const measured: typeof measureDesign = async (design, what, folder) => {
  for (const one of known) if ('design' in one && one.design === design.name && one.servers === what.servers) return one
  const made = keep(await measureDesign(design, what, folder))
  console.error(`${design.name}, ${what.servers} servers, ${formatCount(made.rows)} metrics; load ${made.load}`)
  return made
}
const measuredSwitches = async (rounds: number): Promise<readonly Raw[]> => {
  for (const one of known) if ('switches' in one) return one.switches
  return rounds === 0 ? [] : keep({ switches: await measureSwitchOvers(rounds) }).switches
}

// each server that was started is stopped, and looks whether this process ends
process.setMaxListeners(0)
const before = loads()
const bases = new Map<string, Measured>()
const all: Measured[] = []
await withFolder(async folder => {
  const chosen = designs.filter(({ name }) => name.includes(DESIGNS))
  for (const design of chosen)
    bases.set(design.name, await measured(design, { servers: 1, older: 1, seconds: 0 }, folder))
  for (const servers of sizes)
    for (const design of chosen) {
      const seconds = servers === ingestAt ? Number(SECONDS) : 0
      all.push(await measured(design, { servers, older: Number(ROWS), seconds }, folder))
    }
})
const switches = await measuredSwitches(Number(ROUNDS))
const load = `load ${before} before, ${loads()} after`
const head = `${machine()}; PostgreSQL 15, pg_partman 4.7; ${load}.`
const parts = {
  'bench of sizes': [head, '', ...readingTable(all, bases)],
  'bench of ingest': ingestTable(all),
  'bench of changes': changingTable(all),
  'bench of years': yearTable(all, bases),
  'bench of switch-overs': clusterTable(switches),
}
for (const lines of Object.values(parts)) console.log(`${lines.join('\n')}\n`)
if (isWhole) {
  keepRows('scale', { load }, [...[...bases.values(), ...all].flatMap(rawOf), ...switches])
  for (const [name, lines] of Object.entries(parts)) writeInto('scale.md', name, lines.join('\n'))
  writeFileSync(join(root, 'docs/scale.svg'), chart('Where each design ends', sizes, 'servers', panelsOf(all, bases)))
}
