/** One migrated file, four ways to write and to read it: each reads the same out of every row, whoever wrote it. */
import { execFileSync, spawnSync } from 'node:child_process'
import t from 'tap'
import { initModels, Metric, type NewMetric, Server } from '../../src/hub/models.ts'
import { initModels as initModels7, Metric as Metric7, Server as Server7 } from '../../src/hub/models-v7.ts'
import { connectSequelize as connectSequelize7 } from '../../src/hub/sequelize-v7.ts'
import { connectSequelize } from '../../src/sqlite/bridge/sequelize.ts'
import { digits, type Face, models, python, type Read, sql } from '../help/faces.ts'
import { makeMigrated } from '../help/migrated.ts'

// far from UTC: whoever takes stored text for local time is hours off
const { TZ } = process.env
process.env.TZ = 'America/New_York'
t.teardown(() => {
  if (TZ === undefined) delete process.env.TZ
  else process.env.TZ = TZ
})

const { connection, file } = await makeMigrated(t)
initModels(connectSequelize(connection))
initModels7(connectSequelize7(connection))
const skip =
  spawnSync('python3', ['-c', 'import sqlite3']).status !== 0 && 'there is no python3 with its sqlite3 module'

t.test('raw SQL, Sequelize 6, Sequelize 7 and Python read what each of them wrote', { skip }, async t => {
  const faces: Readonly<Record<string, Face>> = {
    sql: sql(connection),
    v6: models(Server, Metric),
    // the types of the two versions have no common parent; the calls that are made here are the same
    v7: models(Server7 as never, Metric7 as never),
    python: python(file),
  }
  const start = Date.parse('2026-01-18T09:59:59.250Z')
  const expected: Read[] = []
  for (const [place, [name, face]] of Object.entries(faces).entries()) {
    // each writer's times lie between those of the others, across a second, a minute and an hour
    const metrics = [0, 1, 2].map(
      (step): NewMetric => ({
        server_id: name,
        timestamp: new Date(start + step * 1000 + place * 100),
        cpu_percent: step === 2 ? null : step + 0.5,
        network_rx_bytes: step === 0 ? '9223372036854775807' : step === 1 ? '9007199254740993' : null,
        network_tx_bytes: step * 1000,
      }),
    )
    await face.write({ id: name, hostname: `${name}.lan`, os_distribution: `${name} OS` }, metrics)
    for (const { timestamp, cpu_percent, network_rx_bytes, network_tx_bytes } of metrics)
      expected.push({
        time: timestamp.toISOString(),
        cpu: cpu_percent ?? null,
        rx: digits(network_rx_bytes),
        tx: digits(network_tx_bytes),
        os: { distribution: `${name} OS`, version: null, kernel: null, architecture: null },
      })
  }
  expected.sort((a, b) => a.time.localeCompare(b.time))
  for (const [name, face] of Object.entries(faces))
    t.strictSame(await face.read(), expected, `${name} reads the rows of all four, in the order of time`)
})

t.test('what SQL fills in by default is the same time to all, in UTC', { skip }, async t => {
  connection.exec('DELETE FROM metrics; DELETE FROM servers')
  connection.exec("INSERT INTO servers (id, hostname) VALUES ('sql', 'sql.lan')")
  execFileSync('python3', [
    '-c',
    `import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("INSERT INTO servers (id, hostname) VALUES ('python', 'python.lan')")
db.commit()`,
    file,
  ])
  await Server.create({ id: 'v6', hostname: 'v6.lan' })
  await Server7.create({ id: 'v7', hostname: 'v7.lan' })
  const found = [...(await Server.findAll()), ...(await Server7.findAll())]
  t.equal(found.length, 8)
  for (const { created_at, status } of found) {
    t.ok(Math.abs(Date.now() - created_at.getTime()) < 60_000)
    t.equal(status, 'unknown')
  }
})
