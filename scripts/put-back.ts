/**
 * Puts known faults back into a copy of src, one at a time, and counts the cases until test/faults finds each:
 * `npm run test:put-back [PART OF A NAME]`. Fails where one is not found. docs/reliability.md has the table.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

type Edit = Readonly<{ in: string; line: string; becomes: string }>
/** `also` takes away a second protection behind the first. */
type Fault = Edit & Readonly<{ fault: string; also?: Edit; test?: string }>

const faults: readonly Fault[] = [
  {
    fault: 'A1: of transactions that overlap, any may end first',
    in: 'bridge/handle.ts',
    line: 'if (levels.slice(index).every(level => level.owner === owner)) return index',
    becomes: 'if (index >= 0) return index',
  },
  {
    fault: 'A1: a ROLLBACK undoes what was written outside of its transaction',
    in: 'bridge/handle.ts',
    line: 'if (level.owner !== owner) level.stranger ??= sql',
    becomes: 'if (level.owner !== owner) void sql',
  },
  {
    fault: 'A1: all transactions of a hub share a connection',
    in: 'bridge/session.ts',
    line: 'if (connection.memory) {',
    becomes: 'if (connection.open) {',
    test: 'hub',
  },
  {
    fault: 'A2: a text that begins with BEGIN, COMMIT or ROLLBACK is taken for that alone',
    in: 'bridge/handle.ts',
    line: 'const statement = prepareOne(connection, asked.sql)',
    becomes: "const statement = prepareOne(connection, controlOf(asked.sql) ? 'SELECT 1' : asked.sql)",
  },
  {
    fault: 'A2: a comment in front decides what a text is',
    in: 'bridge/sequelize-internals.ts',
    line: "return rest === '' ? sql : rest",
    becomes: 'return rest === sql ? rest : sql',
  },
  {
    fault: 'A3: statements run on after SQLite itself rolled back',
    in: 'bridge/handle.ts',
    line: 'if (wasInside && !connection.inTransaction)',
    becomes: 'if (wasInside && connection.memory)',
    also: {
      in: 'rows/ledger.ts',
      line: 'const deletes = triggers.lastDelete()',
      becomes: 'if (!connection.inTransaction) return execute()\n    const deletes = triggers.lastDelete()',
    },
  },
  {
    fault: "A3: the same of a hub's transaction",
    in: 'bridge/session.ts',
    line: 'if (wasInside && !connection.inTransaction) ended = outcome.error',
    becomes: 'if (wasInside && connection.memory) ended = outcome.error',
    test: 'hub',
  },
  {
    fault: 'A4: whole numbers are bound as REAL',
    in: 'bridge/values.ts',
    line: 'value >= smallest && value < largest) return BigInt(value)',
    becomes: 'value >= smallest && value < largest) return value',
  },
  {
    fault: 'A4: integers that are bound end at 2^31',
    in: 'bridge/values.ts',
    line: 'const [smallest, largest] = [-(2 ** 63), 2 ** 63]',
    becomes: 'const [smallest, largest] = [-(2 ** 31), 2 ** 31]',
  },
  {
    fault: 'B7: a table replaces two, whose keys count for both',
    in: 'rows/lives.ts',
    line: 'if (successor === undefined || (old.rows > 0 && taken.has(successor.id))) return []',
    becomes: 'if (successor === undefined) return []',
    test: 'lost-rows',
  },
  {
    fault: 'B7: a table is known by its root page',
    in: 'rows/present-tables.ts',
    line: 's.rowid AS place',
    becomes: 's.rootpage AS place',
    also: {
      in: 'rows/lives.ts',
      line: 'const there = byName.get(foldName(presentName(life)))',
      becomes: 'const there = byPlace.get(life.place)',
    },
  },
  {
    fault: 'B7: a table is known by its name',
    in: 'rows/net.ts',
    line: 'if (!(isSame || now.sources.includes(last.id))) {',
    becomes: 'if (isSame && now.id < 0) {',
  },
  {
    fault: 'B7: nothing is looked for before COMMIT',
    in: 'rows/ledger.ts',
    line: '.filter(one => !wasAnnounced(one) && one.rows > 0)',
    becomes: '.filter(one => !wasAnnounced(one) && one.rows < 0)',
  },
  {
    fault: 'B7: rows that a statement deleted count as there by their key',
    in: 'rows/net.ts',
    line: 'if (!wasDeleted || gone.rows > 0) return gone',
    becomes: 'if (!wasDeleted || gone.rows >= 0) return gone',
  },
  {
    fault: 'B7: what was announced once is never looked for again',
    in: 'rows/ledger.ts',
    line: 'if (!wasAnnounced(one)) return [one]',
    becomes: 'if (one.id >= 0) return [one]',
  },
  {
    fault: 'B8: names are compared with their case',
    in: 'sql.ts',
    line: 'foldName(a) === foldName(b)',
    becomes: 'a === b',
  },
  {
    fault: 'B8: orphans are known by the case of a column',
    in: 'rows/ledger.ts',
    line: '?.columns.find(({ name }) => sameName(name, first))',
    becomes: '?.columns.find(({ name }) => name === first)',
  },
  {
    fault: 'B9: a schema is passed over',
    in: 'editor/sequelize-internals.ts',
    line: 'return schema ?',
    becomes: "return schema === '' ?",
  },
  {
    fault: 'B10: actions of foreign keys do not act',
    in: 'key-actions.ts',
    line: 'const parents = startWatching()',
    becomes: 'const parents = startWatching().slice(0, 0)',
  },
  {
    fault: 'B10: rows may end without a parent',
    in: 'rows/ledger.ts',
    line: 'orphans: hasOrphans ?',
    becomes: 'orphans: time < 0 ?',
  },
]

const most = 2_000
const root = join(import.meta.dirname, '..')

/** @returns whether the line was there, once */
const edit = (folder: string, { in: place, line, becomes }: Edit): boolean => {
  const file = join(folder, 'src/sqlite', place)
  const text = readFileSync(file, 'utf8')
  writeFileSync(
    file,
    text.replace(line, () => becomes),
  )
  return text.split(line).length === 2
}

const find = ({ also, test = 'whole-line', ...first }: Fault): string => {
  const folder = mkdtempSync(join(tmpdir(), 'put-back-'))
  try {
    for (const name of ['src', 'test', 'migrations', 'bin', 'scripts', 'package.json', 'package-lock.json'])
      cpSync(join(root, name), join(folder, name), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    const unknown = [first, ...(also === undefined ? [] : [also])].find(one => !edit(folder, one))
    if (unknown !== undefined) return `NOT PUT BACK: ${unknown.in} has no such line once: ${unknown.line}`
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, `test/faults/${test}.ts`)], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, SEED: '1', SHRINK: 'no', RUNS: String(most), TAP_TIMEOUT: '100000' },
      maxBuffer: 2 ** 28,
    })
    const tests = /Property failed after (\d+) tests/.exec(stdout)?.[1]
    if (tests !== undefined) return `${tests} of ${test}`
    return status === 0 ? `NOT FOUND in ${most}` : `NOT TRIED: ${stderr.trim().split('\n').at(-1)}`
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const wanted = faults.filter(({ fault }) => fault.includes(process.argv[2] ?? ''))
console.log('| fault | put back in | cases until it is found (seed 1) |\n|---|---|---|')
const found = wanted.map(fault => {
  const cases = find(fault)
  console.log(`| ${fault.fault} | src/sqlite/${fault.in} | ${cases} |`)
  return cases
})
process.exitCode = found.some(cases => cases.startsWith('NOT')) ? 1 : 0
