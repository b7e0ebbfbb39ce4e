/** What two hubs meet while the two servers of a cluster that Patroni keeps change their places, in order or because one is killed. */
import { setTimeout } from 'node:timers/promises'
import { startCluster } from '../test/help/patroni.ts'
import { root, spawnProgram } from '../test/help/program.ts'
import { type Answer, ask, startHub } from './hubs.ts'
import type { Raw } from './raw.ts'

/** Reports of metrics in a second: those of 3,000 servers. */
const rate = 50

/** @param rounds of each kind */
export const measureSwitchOvers = async (rounds: number): Promise<readonly Raw[]> => {
  const cluster = await startCluster()
  try {
    await cluster.run('postgres', 'CREATE DATABASE hub')
    const settings = { DATABASE_URL: cluster.url('hub'), MIGRATOR_MIGRATIONS: `${root}/migrations` }
    const { exitCode, stderr } = await spawnProgram([], settings)
    if (exitCode !== 0) throw new Error(`up exited ${exitCode}: ${stderr}`)
    await cluster.run(
      'hub',
      "INSERT INTO servers (id, hostname) SELECT 'server-' || n, 'host-' || n FROM generate_series(0, 99) AS n",
    )
    const hubs = [await startHub(settings.DATABASE_URL), await startHub(settings.DATABASE_URL)] as const
    /** Reports while something happens to the primary, until five seconds after the cluster is whole again. */
    const during = async (kind: string, happens: () => Promise<void>): Promise<Raw> => {
      await cluster.settled()
      let isOver = false
      const asked: Promise<Answer>[] = []
      const begin = performance.now()
      const sending = (async () => {
        for (let turn = 0; !isOver; turn += 1) {
          asked.push(
            ask(hubs[turn % 2 === 0 ? 0 : 1], 'POST', `/servers/server-${turn % 100}/metrics`, {
              cpu_percent: turn % 100,
            }),
          )
          await setTimeout(Math.max(0, begin + ((turn + 1) * 1000) / rate - performance.now()))
        }
      })()
      await setTimeout(3000)
      const since = performance.now()
      await happens()
      await cluster.settled()
      const whole = performance.now()
      await setTimeout(5000)
      isOver = true
      await sending
      const answers = await Promise.all(asked)
      const failed = answers.filter(({ status }) => status !== 200)
      const ends = failed.map(({ start, milliseconds }) => start + milliseconds)
      const seconds = (milliseconds: number) => Number((milliseconds / 1000).toFixed(1))
      return {
        ...{ kind, requests: answers.length, failed: failed.length },
        failing_s: failed.length === 0 ? 0 : seconds(Math.max(...ends) - Math.min(...failed.map(({ start }) => start))),
        longest_answer_s: seconds(Math.max(...answers.map(({ milliseconds }) => milliseconds))),
        cluster_whole_after_s: seconds(whole - since),
      }
    }
    const rows: Raw[] = []
    for (let round = 0; round < rounds; round += 1) rows.push(await during('switch-over', cluster.switchOver))
    for (let round = 0; round < rounds; round += 1)
      rows.push(
        await during('primary killed', async () => {
          const primary = await cluster.primary()
          cluster.killNode(primary)
          await cluster.until('failed over', async () => ((await cluster.primary()) === primary ? undefined : true))
          cluster.startNode(primary)
        }),
      )
    for (const hub of hubs) await hub.stop()
    return rows
  } finally {
    await cluster.stop()
  }
}
