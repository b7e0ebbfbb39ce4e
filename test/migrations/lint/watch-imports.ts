import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { readMigrations } from '../../../src/migrations/known.ts'
import { watchImports } from '../../../src/migrations/lint/watch-imports.ts'
import { loadMigrations } from '../../../src/migrations/load.ts'
import { root } from '../../help/program.ts'

/** What is found in the first migration, which is loaded and run; far from this package, whose name it could resolve. */
const watch = async (t: Pick<Test, 'teardown'>, files: Readonly<Record<string, string>>) => {
  const folder = mkdtempSync(join(tmpdir(), 'imports-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  const known = readMigrations(join(folder, 'migrations'))
  const imports = watchImports()
  try {
    // @ts-expect-error these do not look at what they are called with
    for (const { up } of await loadMigrations(known)) await up()
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
    await watch(t, { 'migrations/0001-a.ts': text, 'migrations/.data/rows.ts': 'export const data = 1' }),
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
    t.strictSame(await watch(t, { ...files, 'migrations/0001-a.ts': `import '${specifier}'\n${up}` }), [
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
  t.strictSame(await watch(t, { ...files, 'migrations/0001-a.js': text }), [
    'HM501: imports ../node_modules/homelab-migrator/models.js',
  ])
  const model = `import ${JSON.stringify(join(root, 'src/models/server.ts'))}\n${up}`
  t.match(await watch(t, { 'migrations/0001-a.js': model }), [/^HM501: imports .*src\/models\/server\.ts$/])
})

t.test('the network is found, however far behind, also when it is imported while the migration runs', async t => {
  const files = {
    'node_modules/client/index.js': "import 'node:https'\nimport 'dns/promises'",
    'node_modules/client/package.json': '{ "type": "module", "exports": "./index.js" }',
  }
  t.strictSame(await watch(t, { ...files, 'migrations/0001-a.js': `import 'client'\n${up}` }), [
    'HM503: imports node:https',
    'HM503: imports node:dns/promises',
  ])
  t.strictSame(await watch(t, { 'migrations/0001-a.js': "export const up = () => import('node:net')" }), [
    'HM503: imports node:net',
  ])
  t.strictSame(
    await watch(t, { 'migrations/0001-a.js': `import 'node:nettle'\n${up}`.replace('node:nettle', 'node:util') }),
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
  t.strictSame(await watch(t, files), [])
})
