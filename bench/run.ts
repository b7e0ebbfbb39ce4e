/**
 * `npm run bench`: us beside other tools and beside the floors, all in turns in one run: first run, a run with nothing to do, and
 * peak memory; then a run with nothing to do over 0, 1,000,000 and 5,000,000 metrics. Writes the tables of docs/performance.md and
 * docs/performance.svg. Needs GNU time and a network for npm.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { makeBundle, makeDatabase, median, program, withFolder } from './measure.ts'
import { folderOf, installPeers, layOut, middle, type Peer, runPeer, type Sample, versionsOf } from './peers.ts'

const rounds = 15
const root = join(program, '../..')
const kept = ['migrations', 'db', 'drizzle', 'deploy']

type Row = Readonly<{ name: string; kind: Peer['kind']; first: Sample; noop: Sample }>

/** Takes away what a first run made, and keeps what was written for it. */
const reset = (folder: string): void => {
  for (const entry of readdirSync(folder).filter(name => /^x\.db|^\.ready|sqitch/.test(name) && !kept.includes(name)))
    rmSync(join(folder, entry), { recursive: true })
}

const ourselves = (folder: string): readonly Peer[] => {
  const env = { DATABASE_URL: 'sqlite:x.db', MIGRATOR_MIGRATIONS: join(root, 'migrations') }
  const cached = { ...env, NODE_COMPILE_CACHE: join(folder, 'cache') }
  const open = `new (require(${JSON.stringify(join(root, 'node_modules/better-sqlite3'))}))('x.db').close()`
  const own: readonly Peer[] = [
    { name: 'bare node', kind: 'floor', words: [process.execPath, 'empty.cjs'], files: { 'empty.cjs': '' } },
    {
      name: 'node, better-sqlite3 open',
      kind: 'floor',
      words: [process.execPath, 'open.cjs'],
      files: { 'open.cjs': open },
      env: { NODE_COMPILE_CACHE: join(folder, 'cache') },
    },
    {
      name: 'homelab-migrator, as in the image',
      kind: 'us',
      words: [process.execPath, ...makeBundle(folder)],
      env: cached,
    },
    { name: 'homelab-migrator, checkout', kind: 'us', words: [process.execPath, program], env },
  ]
  layOut(folder, own)
  return own
}

const compare = (folder: string, peers: readonly Peer[]): readonly Row[] => {
  const samples = new Map(peers.map(({ name }) => [name, { first: [] as Sample[], noop: [] as Sample[] }]))
  for (let round = -1; round < rounds; round += 1) {
    for (const peer of peers) {
      const own = folderOf(folder, peer.name)
      reset(own)
      const first = runPeer(peer, own)
      const noop = peer.name.startsWith('sqlite3') ? first : runPeer(peer, own)
      // the round before the first fills caches
      if (round < 0) continue
      samples.get(peer.name)?.first.push(first)
      samples.get(peer.name)?.noop.push(noop)
    }
  }
  return peers.map(({ name, kind }) => {
    const { first = [], noop = [] } = samples.get(name) ?? {}
    return { name, kind, first: middle(first), noop: middle(noop) }
  })
}

/** A run with nothing to do does not read the rows. */
const scale = (folder: string, us: Peer): readonly string[] => {
  const sizes = [0, 1_000_000, 5_000_000]
  const folders = sizes.map(size => {
    const own = join(folder, `scale-${size}`)
    mkdirSync(own)
    makeDatabase(join(own, 'x.db'), size)
    return own
  })
  const walls = sizes.map((): number[] => [])
  for (let round = -1; round < rounds; round += 1) {
    for (const [index, own] of folders.entries()) {
      const { wall } = runPeer(us, own)
      if (round >= 0) walls[index]?.push(wall)
    }
  }
  const base = median(walls[0] ?? [])
  return sizes.map(
    (size, index) => `| ${size.toLocaleString('en')} | ${(median(walls[index] ?? []) / base).toFixed(2)} |`,
  )
}

const chart = (rows: readonly Readonly<{ name: string; kind: string; value: number }>[]): string => {
  const [left, width, height] = [230, 460, 24]
  const most = Math.max(...rows.map(({ value }) => value))
  const bars = rows.map(({ name, kind, value }, index) => {
    const y = 10 + index * height
    const length = Math.max(2, (value / most) * width)
    const colour = kind === 'us' ? '#2563eb' : kind === 'floor' ? '#9ca3af' : '#d1a054'
    return `<text x="${left - 8}" y="${y + 14}" text-anchor="end">${name.replace('<', '&lt;')}</text><rect x="${left}" y="${y + 3}" width="${length.toFixed(1)}" height="15" fill="${colour}"/><text x="${left + length + 6}" y="${y + 14}">${value.toFixed(2)}</text>`
  })
  const size = `width="${left + width + 70}" height="${rows.length * height + 20}"`
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="12" role="img">\n<title>A run with nothing to do, times bare node</title>\n<rect width="100%" height="100%" fill="white"/>\n${bars.join('\n')}\n</svg>\n`
}

await withFolder(folder => {
  const own = ourselves(folder)
  const peers = [...own, ...installPeers(folder, join(root, 'src'))]
  const rows = compare(folder, peers).toSorted((a, b) => a.noop.wall - b.noop.wall)
  const bare = rows.find(({ name }) => name === 'bare node')
  const us = own.find(({ name }) => name === 'homelab-migrator, as in the image')
  if (bare === undefined || us === undefined) throw new Error('bare node and the bundle are always measured')
  const times = (sample: Sample, of: Sample) => (sample.wall / of.wall).toFixed(2)
  const table = rows.map(
    ({ name, kind, first, noop }) =>
      `| ${name} | ${kind} | ${times(noop, bare.noop)} | ${times(first, bare.noop)} | ${(noop.memory / bare.noop.memory).toFixed(2)} | ${(first.memory / bare.noop.memory).toFixed(2)} |`,
  )
  const text = [
    `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model}, Linux; ${rounds} rounds, all in turns; medians as times those of bare node`,
    `(\`node empty.cjs\`, ${bare.noop.wall.toFixed(0)} ms and ${(bare.noop.memory / 1024).toFixed(0)} MB here, GNU time included). ${versionsOf(folder)}; alembic, sqitch,`,
    'sql-migrate and sqlite3 are those of Debian bookworm. For sqlite3 the first run stands in both columns.',
    '',
    '| | built on | nothing to do | first run | memory, nothing to do | memory, first run |',
    '|---|---|---|---|---|---|',
    ...table,
    '',
    '| metrics in the database | a run with nothing to do, times that of an empty one |',
    '|---|---|',
    ...scale(folder, us),
  ].join('\n')
  console.log(text)
  const document = join(root, 'docs/performance.md')
  const before = readFileSync(document, 'utf8')
  writeFileSync(
    document,
    before.replace(/(<!-- bench -->\n)[\s\S]*(\n<!-- end of bench -->)/, (_, begin, end) => begin + text + end),
  )
  const bars = rows.map(({ name, kind, noop }) => ({ name, kind, value: noop.wall / bare.noop.wall }))
  writeFileSync(join(root, 'docs/performance.svg'), chart(bars))
})
