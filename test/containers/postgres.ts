/** compose.postgres.yaml and examples/kubernetes/postgres: migrators of several hubs start at once on one server. */
import t from 'tap'
import {
  buildImages,
  buildNewer,
  buildPostgres,
  call,
  docker,
  dockerOk,
  makeProject,
  skip,
  uniqueName,
} from '../help/engine.ts'

const omv = { hostname: 'omv.lan', os_version: '7.1' }
const roles = { migrators: ['migrator-1', 'migrator-2'], hubs: ['hub-1', 'hub-2'] }

t.test('compose.postgres.yaml', { skip }, async t => {
  const images = buildImages(t)
  buildPostgres(t)
  const { compose, container, hubAddress, use } = makeProject(t, images, 'compose.postgres.yaml', roles)
  const logsOf = (service: string): string => {
    const { stdout, stderr } = docker(
      'logs',
      compose('ps', '--all', '--quiet', service).stdout.trim() || container(service),
    )
    return stdout + stderr
  }
  const migratorLogs = () => roles.migrators.map(logsOf)

  await t.test('two hubs start behind their migrators, of which one applies, and see the same rows', async t => {
    t.match(compose('up', '--detach'), { exitCode: 0 })
    t.equal(migratorLogs().filter(log => /applied 0003-add-os-info/.test(log)).length, 1)
    t.equal(migratorLogs().filter(log => /nothing to (?:do|apply)/.test(log)).length, 1)
    await call(hubAddress('hub-1'), 'PUT', '/servers/omv', omv)
    t.match(await call(hubAddress('hub-2'), 'GET', '/servers'), [{ id: 'omv', os_info: { version: '7.1' } }])
  })

  await t.test('it starts anew after down and up, with nothing to do', async t => {
    compose('down')
    t.match(compose('up', '--detach'), { exitCode: 0 })
    t.match(migratorLogs(), [/nothing to do/, /nothing to do/])
    t.match(await call(hubAddress('hub-1'), 'GET', '/servers'), [{ id: 'omv' }])
  })

  await t.test(
    'hubs stay up while migrators of a newer image race, one with an index that is built beside them',
    async t => {
      const newer = buildNewer(
        t,
        images.migrator,
        `export const online = true
       export const up = ({ context }) => context.addIndexConcurrently('metrics', ['timestamp'], { name: 'by_time' })`,
      )
      const network = Object.keys(
        JSON.parse(dockerOk('inspect', '--format={{json .NetworkSettings.Networks}}', container('database'))),
      )
      const name = uniqueName()
      const pods = ['a', 'b', 'c'].map(pod => `${name}-${pod}`)
      t.teardown(() => docker('rm', '--force', ...pods))
      // as the init containers of three pods
      for (const pod of pods)
        dockerOk(
          ...[
            'run',
            '--detach',
            `--name=${pod}`,
            `--network=${network[0]}`,
            '--read-only',
            '--cap-drop=ALL',
            '--user=1000:1000',
          ],
          ...['--env=DATABASE_URL=postgres://hub:right@database/homelab?sslmode=disable', newer],
        )
      t.strictSame(dockerOk('wait', ...pods).split('\n'), ['0', '0', '0'])
      const logs = pods.map(pod => docker('logs', pod).stderr)
      t.equal(logs.filter(log => /applied 0004-next/.test(log)).length, 1)
      t.match(await call(hubAddress('hub-2'), 'GET', '/healthz'), { status: 'ok' })

      use(images.migrator)
      compose('stop', ...roles.hubs)
      t.match(
        compose('up', '--detach'),
        { exitCode: 1, stderr: /(?:code|exit)(?:ed with code)?:? ?51\b/ },
        'an older image is refused',
      )
    },
  )

  await t.test('a wrong password keeps the hubs from starting at once, with 12', async t => {
    const { stderr, exitCode } = docker(
      ...[
        'run',
        '--rm',
        `--network=${Object.keys(JSON.parse(dockerOk('inspect', '--format={{json .NetworkSettings.Networks}}', container('database'))))[0]}`,
      ],
      ...['--env=DATABASE_URL=postgres://hub:wrong@database/homelab?sslmode=disable', images.migrator],
    )
    t.match({ exitCode, stderr }, { exitCode: 12, stderr: /does not let this user in/ })
    t.notMatch(stderr, /wrong/)
  })
})
