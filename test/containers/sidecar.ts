import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { buildImages, call, docker, dockerOk, makeProject, onVolume, skip, untilLogged } from '../help/engine.ts'
import { root } from '../help/program.ts'

/** Puts another database in the place of the one on a volume, at the second migration, however many the image has. */
const older = [
  `node -e "require('fs').mkdirSync('/app/data/older')"`,
  'DATABASE_URL=sqlite:/app/data/older/homelab.db node /app/dist/main.cjs up --to 2',
  `node -e "require('fs').renameSync('/app/data/older/homelab.db', '/app/data/homelab.db')"`,
  `node -e "require('fs').rmSync('/app/data/older', { recursive: true })"`,
  'chown 1000:1000 /app/data/homelab.db',
].join(' && ')

const last = readdirSync(join(root, 'migrations'))
  .filter(name => /^\d{4}-[^.]+\.\w+$/.test(name))
  .sort()
  .at(-1)
  ?.replace(/\.\w+$/, '')

t.test('compose.sidecar.yaml', { skip }, async t => {
  const images = buildImages(t)

  t.test(
    'the hub starts when the sidecar is healthy; a restored older database is brought up while both run',
    async t => {
      const { compose, container, hubAddress, volume } = makeProject(t, images, 'compose.sidecar.yaml')
      t.match(compose('up', '--detach'), { exitCode: 0 })
      const migrator = container('migrator')
      t.equal(dockerOk('inspect', '--format={{.State.Health.Status}}', migrator), 'healthy')
      t.match(await call(hubAddress(), 'GET', '/healthz'), { status: 'ok' })

      // anonymous memory is what is this process's own; the text of Node is shared with every other Node on the machine
      const memory = dockerOk('exec', migrator, 'sed', '-n', 's/^RssAnon:\\s*//p', '/proc/1/status')
      const ticks = () => Number(dockerOk('exec', migrator, 'sh', '-c', 'cut -d " " -f14 /proc/1/stat'))
      const before = ticks()
      await setTimeout(5000)
      const used = ticks() - before
      t.comment(`idle: ${memory} of its own memory, ${used} ticks of 10 ms in 5 s`)
      t.ok(Number.parseInt(memory, 10) < 80_000, `${memory} is less than 80 MB`)
      t.ok(used <= 5, `${used} ticks of 10 ms in 5 s are at most 1 %`)

      onVolume(images.migrator, volume, older)
      await untilLogged(migrator, `applied ${last}`)
      compose('restart', 'hub')
      t.match(await call(hubAddress(), 'GET', '/healthz'), { status: 'ok' })

      const start = performance.now()
      dockerOk('stop', '--time=30', migrator)
      t.comment(`docker stop took ${Math.round(performance.now() - start)} ms`)
      t.equal(dockerOk('inspect', '--format={{.State.ExitCode}}', migrator), '0')
    },
  )

  t.test('a volume that cannot be made ready never gets healthy, and the hub never starts', async t => {
    const { compose, makeVolumeFirst } = makeProject(t, images, 'compose.sidecar.yaml')
    onVolume(
      images.migrator,
      makeVolumeFirst(),
      'head -c 20000 /dev/urandom > /app/data/homelab.db; chown -R 1000:1000 /app/data',
    )
    t.match(compose('up', '--detach'), { exitCode: 1 })
    t.notMatch(compose('ps').stdout, /hub.*\bUp\b/)
  })
})

t.test('after a reboot, when the engine starts the hub without the migrator', { skip }, async t => {
  const images = buildImages(t)
  const { compose, container, volume, hubAddress } = makeProject(t, images)
  t.match(compose('up', '--detach'), { exitCode: 0 })
  t.match(await call(hubAddress(), 'GET', '/healthz'), { status: 'ok' })
  const hub = container('hub')
  const check = () =>
    docker('run', '--rm', '--entrypoint=/app/healthcheck.sh', `--volume=${volume}:/app/data`, images.migrator)

  t.test('the hub starts on the volume as it was', async t => {
    compose('stop')
    t.match(compose('start', 'hub'), { exitCode: 0 })
    t.match(await call(hubAddress(), 'GET', '/healthz'), { status: 'ok' })
    t.match(check(), { exitCode: 0 })
  })

  t.test('it refuses an older database in its place, and says why', async t => {
    compose('stop')
    onVolume(images.migrator, volume, older)
    dockerOk('start', hub)
    await t.resolves(
      untilLogged(hub, `is of another database or schema (${last}): /app/data/homelab.db is at 0002-create-metrics`),
    )
    compose('stop')
  })

  t.test('it refuses a volume that lost its marker, as the health check does', async t => {
    onVolume(images.migrator, volume, 'rm /app/data/.ready')
    dockerOk('start', hub)
    await t.resolves(untilLogged(hub, 'the hub does not start: no ready marker'))
    t.match(check(), { exitCode: 1, stderr: /not ready/ })
    compose('stop')
  })

  t.test('the migrator mends both', async t => {
    t.match(compose('up', '--detach'), { exitCode: 0 })
    t.match(await call(hubAddress(), 'GET', '/healthz'), { status: 'ok' })
  })
})
