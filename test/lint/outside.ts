import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { watchCalls, watchImports, watchOutside } from '../../src/lint/outside.ts'
import { readMigrationFiles } from '../../src/migrations/files.ts'
import { type LoadedMigration, loadMigrations } from '../../src/migrations/load.ts'
import { root } from '../help/program.ts'

const own = [Date, Date.now, performance.now, Math.random, crypto.randomUUID, fetch]

/** Loads and runs migrations under the watch. @returns what was found in each */
const watch = async (t: Pick<Test, 'testdir'>, files: Readonly<Record<string, string>>, link = false) => {
  const folder = t.testdir({ real: files })
  const path = join(folder, link ? 'link' : 'real')
  if (link) symlinkSync('real', path)
  const known = readMigrationFiles(path)
  const calls = watchCalls(known)
  try {
    const migrations: readonly LoadedMigration[] = await loadMigrations(known, new AbortController().signal)
    for (const { name, up } of migrations) {
      calls.running(name)
      // @ts-expect-error these do not look at what they are called with
      await up()
    }
  } finally {
    calls.stop()
  }
  return known.map(({ name }) => calls.findings(name).map(({ code, message }) => `${code}: ${message}`))
}

t.test('each function is noted once, with its code and the line where it is called first', async t => {
  const text = `export const up = async () => {
    new Date()
    Date.now(); Date.now()
    performance.now()
    Math.random()
    crypto.randomUUID()
    Date()
    Temporal.Now.instant()
    crypto.getRandomValues(new Uint8Array(1))
    try { new WebSocket('none:') } catch {}
    await fetch('data:,x')
  }`
  t.strictSame(await watch(t, { '0001-a.js': text }), [
    [
      'HM502: calls new Date() in line 2',
      'HM502: calls Date.now in line 3',
      'HM502: calls performance.now in line 4',
      'HM502: calls Math.random in line 5',
      'HM502: calls crypto.randomUUID in line 6',
      'HM502: calls Date() in line 7',
      'HM502: calls Temporal.Now.instant in line 8',
      'HM502: calls crypto.getRandomValues in line 9',
      'HM503: calls new WebSocket in line 10',
      'HM503: calls fetch in line 11',
    ],
  ])
})

t.test('they do what they did, and are themselves again afterwards', async t => {
  const text = `export const up = async () => {
    const date = new Date(7)
    if (date.getTime() !== 7 || !(date instanceof Date) || Object.getPrototypeOf(date) !== Date.prototype) throw new Error('no date')
    if (typeof Date() !== 'string' || !(Date.now() > 1e12) || !(Math.random() < 1)) throw new Error('no number')
    if (crypto.randomUUID().length !== 36 || !(performance.now() > 0)) throw new Error('no text')
    if (date.constructor !== Date || new Date(date).constructor !== Date) throw new Error('another date')
    class Day extends Date {}
    if (!(new Day() instanceof Day)) throw new Error('no class')
  }`
  await watch(t, { '0001-a.js': text })
  t.strictSame([Date, Date.now, performance.now, Math.random, crypto.randomUUID, fetch], own)
  t.equal(Date.prototype.constructor, Date)
  t.strictSame(Object.keys(Object.getOwnPropertyDescriptors(performance)), [])
})

t.test("chance out of Node's own module is noted, however it is imported", async t => {
  const text = `import nodeCrypto, { randomBytes, randomUUID } from 'node:crypto'
    export const up = async () => {
      randomUUID()
      randomBytes(4)
      nodeCrypto.randomInt(4)
    }`
  t.strictSame(await watch(t, { '0001-a.js': text }), [
    [
      'HM502: calls crypto.randomUUID in line 3',
      'HM502: calls crypto.randomBytes in line 4',
      'HM502: calls crypto.randomInt in line 5',
    ],
  ])
})

t.test('a moment that is written down is no question to the clock', async t => {
  const text =
    "export const up = async () => [new Date(0), new Date('2026-01-18'), Date.UTC(2026, 0), Date.parse('2026-01-18')]"
  t.strictSame(await watch(t, { '0001-a.ts': text }), [[]])
})

t.test(
  'what a migration does while it is loaded is its own, and what a shared file does is of the one that runs',
  async t => {
    const found = await watch(t, {
      '0001-a.ts': 'const loaded: number = Date.now()\nexport const up = async () => loaded',
      '0002-b.ts': "import { roll } from './.shared.ts'\nexport const up = async () => roll()",
      '0003-c.ts': "import { roll } from './.shared.ts'\nexport const up = async () => roll",
      '.shared.ts': 'Date.now()\nexport const roll = () => Math.random()',
    })
    t.strictSame(found, [['HM502: calls Date.now in line 1'], ['HM502: calls Math.random in line 2'], []])
  },
)

t.test('a call that comes out of no file of its own is not blamed on it', async t => {
  const text = 'export const up = () => Promise.resolve().then(Date.now)'
  t.strictSame(await watch(t, { '0001-a.js': text }), [[]])
})

t.test('a folder that is a symbolic link is looked through', async t => {
  const text = 'export const up = async () => Date.now()'
  t.strictSame(await watch(t, { '0001-a.js': text }, true), [['HM502: calls Date.now in line 1']])
})

/** What is found in the first migration, which is loaded and run; far from this package, whose name it could resolve. */
const importsSeenIn = async (t: Pick<Test, 'teardown'>, files: Readonly<Record<string, string>>) => {
  const folder = mkdtempSync(join(tmpdir(), 'imports-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  const known = readMigrationFiles(join(folder, 'migrations'))
  const imports = watchImports()
  try {
    // @ts-expect-error these do not look at what they are called with
    for (const { up } of await loadMigrations(known, new AbortController().signal)) await up()
  } finally {
    imports.stop()
  }
  return known
    .slice(0, 1)
    .flatMap(migration => imports.findings(migration).map(({ code, message }) => `${code}: ${message}`))
}
const up = 'export const up = async () => 1'

t.test('Sequelize, Node, and what lies beside it may be imported', async t => {
  const text = `import { DataTypes } from 'sequelize'
    import { join } from 'node:path'
    import type { Migration } from '../other.ts'
    import { data } from './.data/rows.ts'
    ${up}`
  t.strictSame(
    await importsSeenIn(t, { 'migrations/0001-a.ts': text, 'migrations/.data/rows.ts': 'export const data = 1' }),
    [],
  )
})

t.test('a file outside the folder is found, also behind one beside it, but not what that imports', async t => {
  const files = {
    'models/host.ts': "import './name.ts'\nexport const Host = 1",
    'models/name.ts': 'export const name = 1',
    'migrations/.shared.ts': "import '../models/host.ts'",
  }
  for (const specifier of ['../models/host.ts', './.shared.ts'])
    t.strictSame(await importsSeenIn(t, { ...files, 'migrations/0001-a.ts': `import '${specifier}'\n${up}` }), [
      'HM501: imports ../models/host.ts',
    ])
})

t.test("this package's own models are found; an installed package is let be, if it is not this one", async t => {
  const files = {
    'node_modules/homelab-migrator/models.js': 'export const Server = 1',
    'node_modules/homelab-migrator/package.json': '{ "type": "module" }',
    'node_modules/ids/index.js': 'export const id = 1',
    'node_modules/ids/package.json': '{ "type": "module", "exports": "./index.js" }',
  }
  const text = `import { id } from 'ids'\nimport 'homelab-migrator/models.js'\n${up}`
  t.strictSame(await importsSeenIn(t, { ...files, 'migrations/0001-a.js': text }), [
    'HM501: imports ../node_modules/homelab-migrator/models.js',
  ])
  const model = `import ${JSON.stringify(join(root, 'src/hub/models.ts'))}\n${up}`
  t.match(await importsSeenIn(t, { 'migrations/0001-a.js': model }), [/^HM501: imports .*src\/hub\/models\.ts$/])
})

t.test('the network is found, however far behind, also when it is imported while the migration runs', async t => {
  const files = {
    'node_modules/client/index.js': "import 'node:https'\nimport 'dns/promises'",
    'node_modules/client/package.json': '{ "type": "module", "exports": "./index.js" }',
  }
  t.strictSame(await importsSeenIn(t, { ...files, 'migrations/0001-a.js': `import 'client'\n${up}` }), [
    'HM503: imports node:https',
    'HM503: imports node:dns/promises',
  ])
  t.strictSame(await importsSeenIn(t, { 'migrations/0001-a.js': "export const up = () => import('node:net')" }), [
    'HM503: imports node:net',
  ])
  t.strictSame(
    await importsSeenIn(t, {
      'migrations/0001-a.js': `import 'node:nettle'\n${up}`.replace('node:nettle', 'node:util'),
    }),
    [],
  )
})

t.test('two that import one another come to an end, and one is not blamed for the next', async t => {
  const files = {
    'migrations/.a.ts': "import './.b.ts'",
    'migrations/.b.ts': "import './.a.ts'",
    'migrations/0001-a.ts': `import './.a.ts'\n${up}`,
    'migrations/0002-b.ts': `import 'node:tls'\n${up}`,
  }
  t.strictSame(await importsSeenIn(t, files), [])
})

t.test('imports and calls are told of the migration that has them', async t => {
  const folder = t.testdir({
    '.shared.ts': 'export const roll = () => Math.random()',
    '0001-a.ts': "import 'node:http'\nexport const up = async () => 1",
    '0002-b.ts': "import { roll } from './.shared.ts'\nexport const up = async () => roll()",
  })
  const random = Math.random
  const known = readMigrationFiles(join(folder))
  const outside = watchOutside(known)
  for (const { name, up } of await loadMigrations(known, new AbortController().signal)) {
    outside.running(name)
    // @ts-expect-error these do not look at what they are called with
    await up()
  }
  outside.stop()
  t.match(known.map(outside.findings), [
    [{ message: 'imports node:http' }],
    [{ message: 'calls Math.random in line 1' }],
  ])
  t.equal(Math.random, random)
})
