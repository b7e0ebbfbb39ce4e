import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readMigrations } from '../../../src/migrations/known.ts'
import { watchCalls } from '../../../src/migrations/lint/watch-calls.ts'
import { type LoadedMigration, loadMigrations } from '../../../src/migrations/load.ts'

const own = [Date, Date.now, performance.now, Math.random, crypto.randomUUID, fetch]

/** Loads and runs migrations under the watch. @returns what was found in each */
const watch = async (t: Pick<Test, 'testdir'>, files: Readonly<Record<string, string>>, link = false) => {
  const folder = t.testdir({ real: files })
  const path = join(folder, link ? 'link' : 'real')
  if (link) symlinkSync('real', path)
  const known = readMigrations(path)
  const calls = watchCalls(known)
  try {
    const migrations: readonly LoadedMigration[] = await loadMigrations(known)
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
