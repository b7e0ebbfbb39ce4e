/**
 * Servers to look at, in a database that the migrator made ready (DATABASE_URL): 11 with 30 days of metrics. Older ones are
 * brought up to date, and each minute comes in while this runs; `--once` ends before that. Where a hub has servers of its own, it does
 * nothing; `--remove` removes its own.
 */
import { setInterval } from 'node:timers/promises'
import { initModels, Metric } from 'homelab-migrator/models'
import { openReady } from 'homelab-migrator/ready'
import { bringUp, hasOwnServers, remove } from './demo/fill.ts'
import { fleet } from './demo/fleet.ts'
import { toLine } from './migrator.ts'

const minute = () => Math.floor(Date.now() / 60_000)
const showBar = (share: number): void => {
  const bar = `[${'#'.repeat(Math.round(share * 40)).padEnd(40, '-')}] ${Math.round(share * 100)} %`
  if (process.stderr.isTTY) process.stderr.write(`\r${bar}${share === 1 ? '\n' : ''}`)
}

const run = async (): Promise<void> => {
  const { sequelize, close } = await openReady(process.env.DATABASE_URL || 'sqlite:data/homelab.db')
  initModels(sequelize)
  try {
    if (process.argv.includes('--remove')) {
      console.log(`${await remove()} servers removed`)
      return
    }
    if (await hasOwnServers()) {
      console.log('the hub has servers of its own: the demo adds none')
      return
    }
    const start = performance.now()
    const made = await bringUp(sequelize, fleet, minute(), showBar)
    const seconds = ((performance.now() - start) / 1000).toFixed(1)
    console.log(
      `${made.toLocaleString('en')} metrics made in ${seconds} s: ${(await Metric.count()).toLocaleString('en')} in all`,
    )
    if (process.argv.includes('--once')) return
    for await (const _ of setInterval(60_000)) await bringUp(sequelize, fleet, minute(), () => undefined)
  } finally {
    await close()
  }
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit())
run().catch(error => {
  console.error(`the demo does not start: ${toLine(error)}`)
  process.exitCode = 1
})
