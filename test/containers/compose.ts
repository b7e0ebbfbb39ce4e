import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { buildImages, buildNewer, call, dockerOk, makeProject, onVolume, skip, untilLogged } from '../help/engine.ts'

const omv = { hostname: 'omv.lan', os_version: '7.1' }
const metric = { timestamp: '2026-01-18T10:00:00Z', cpu_percent: 12.5 }

t.test('compose.yaml', { skip }, async t => {
  const images = buildImages(t)

  t.test('is valid', async t => {
    t.match(makeProject(t, images).compose('config', '--quiet'), { exitCode: 0 })
  })

  t.test(
    'starts the hub on an empty volume after the migrator exited 0, and keeps its data through everything',
    async t => {
      const { compose, container, hubAddress, use } = makeProject(t, images)
      t.match(compose('up', '--detach'), { exitCode: 0 })
      t.equal(
        dockerOk(
          'inspect',
          '--format={{.State.ExitCode}}',
          compose('ps', '--all', '--quiet', 'migrator').stdout.trim() || container('migrator'),
        ),
        '0',
      )
      t.match(await call(hubAddress(), 'GET', '/healthz'), { status: 'ok' })
      await call(hubAddress(), 'PUT', '/servers/omv', omv)
      await call(hubAddress(), 'POST', '/servers/omv/metrics', metric)
      const expectData = async (when: string) => {
        t.match(
          await call(hubAddress(), 'GET', '/servers'),
          [{ id: 'omv', hostname: 'omv.lan', os_info: { version: '7.1' } }],
          when,
        )
        t.match(await call(hubAddress(), 'GET', '/servers/omv/metrics'), [{ cpu_percent: 12.5 }], when)
      }
      await expectData('at once')
      t.match(compose('restart', 'hub'), { exitCode: 0 })
      await expectData('after the hub was restarted')
      compose('down')
      t.match(compose('up', '--detach'), { exitCode: 0 })
      await expectData('after down and up')
      compose('down')
      use(
        buildNewer(
          t,
          images.migrator,
          `export const up = ({ context }) => context.sequelize.query('CREATE TABLE alerts (id INTEGER PRIMARY KEY)')`,
        ),
      )
      t.match(compose('up', '--detach'), { exitCode: 0 })
      await expectData('after a newer image with one more migration')
      compose('down')
      use(images.migrator)
      t.match(
        compose('up', '--detach'),
        { exitCode: 1, stderr: /exit(?:ed with code|:)? ?51|code 51/ },
        'an older image is refused',
      )
      compose('down')
    },
  )

  for (const [title, exitCode, spoil] of [
    ['a volume owned by root', 12, 'touch /app/data/old; chown -R 0:0 /app/data; chmod 755 /app/data'],
    [
      'a damaged file',
      30,
      'chown 1000:1000 /app/data; head -c 20000 /dev/urandom > /app/data/homelab.db; chown 1000:1000 /app/data/homelab.db',
    ],
    [
      'a database that another program made',
      50,
      `node -e "new (require('/app/node_modules/better-sqlite3'))('/app/data/homelab.db').exec('CREATE TABLE theirs (x)')"; chown -R 1000:1000 /app/data`,
    ],
  ] as const) {
    t.test(`${title} keeps the hub from starting, with ${exitCode} in the message of Compose`, async t => {
      const { compose, makeVolumeFirst } = makeProject(t, images)
      onVolume(images.hub, makeVolumeFirst(), spoil)
      t.match(compose('up', '--detach'), { exitCode: 1, stderr: new RegExp(`(?:code|exit) ${exitCode}\\b`) })
      await setTimeout(200)
      t.notMatch(compose('ps').stdout, /hub.*\bUp\b/)
    })
  }

  t.test('a migration that fails keeps the hub from starting, with 40, and the volume as it was', async t => {
    const { compose, use, volume } = makeProject(t, images)
    t.match(compose('up', '--detach'), { exitCode: 0 })
    compose('down')
    const marker = onVolume(images.migrator, volume, 'cat /app/data/.ready')
    use(buildNewer(t, images.migrator, `export const up = async () => { throw new Error('out of luck') }`))
    t.match(compose('up', '--detach'), { exitCode: 1, stderr: /(?:code|exit) 40\b/ })
    t.notMatch(compose('ps').stdout, /hub.*\bUp\b/)
    t.equal(onVolume(images.migrator, volume, 'cat /app/data/.ready'), marker)
    use(images.migrator)
    t.match(compose('up', '--detach'), { exitCode: 0 }, 'with the image from before it starts again')
  })

  t.test('the profile "demo" shows made-up servers to a hub that has none, and removes them', async t => {
    const { compose, container, hubAddress } = makeProject(t, images, 'compose.yaml', {
      migrators: ['migrator'],
      hubs: ['hub', 'demo'],
    })
    t.match(compose('--profile', 'demo', 'up', '--detach'), { exitCode: 0 })
    await untilLogged(container('demo'), 'metrics made in')
    t.match(await call(hubAddress(), 'GET', '/healthz'), { servers: 11 })
    t.match(compose('run', '--rm', 'demo', 'node', 'demo.ts', '--remove'), { exitCode: 0 })
    t.match(await call(hubAddress(), 'GET', '/healthz'), { servers: 0 })
    compose('--profile', 'demo', 'down')
  })

  t.test('the hub alone refuses a volume that no migrator has seen', async t => {
    const { compose, container } = makeProject(t, images)
    compose('up', '--detach', '--no-deps', 'hub')
    await t.resolves(untilLogged(container('hub'), 'the hub does not start: no ready marker'))
  })
})
