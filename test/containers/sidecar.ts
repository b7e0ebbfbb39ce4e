import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { buildImages, call, docker, dockerOk, makeProject, onVolume, skip, untilLogged } from '../help/engine.ts'

/** Runs JavaScript on a volume, as user 1000, with better-sqlite3 as `Database`. */
const script = (text: string): string =>
  `node -e "const Database = require('/app/node_modules/better-sqlite3'); ${text}" && chown 1000:1000 /app/data/*`

/** Undoes the last migration; CHAR(48,48,48,51) is 0003 without a quote that the shell would take. */
const older = 'DELETE FROM SequelizeMeta WHERE name > CHAR(48,48,48,51); ALTER TABLE servers DROP COLUMN os_info'

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

      onVolume(
        images.hub,
        volume,
        script(
          `const d = new Database('/app/data/homelab.db'); d.exec('${older}'); d.prepare('VACUUM INTO ?').run('/app/data/old'); d.close(); require('fs').renameSync('/app/data/old', '/app/data/homelab.db')`,
        ),
      )
      await untilLogged(migrator, 'applied 0003-add-os-info')
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
    onVolume(
      images.hub,
      volume,
      script(`const d = new Database('/app/data/homelab.db'); d.exec('${older}'); d.close()`),
    )
    dockerOk('start', hub)
    await t.resolves(
      untilLogged(
        hub,
        'is of another database or schema (0003-add-os-info): /app/data/homelab.db is at 0002-create-metrics',
      ),
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
