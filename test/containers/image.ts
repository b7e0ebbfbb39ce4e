import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import {
  buildImages,
  docker,
  dockerOk,
  hardened,
  makeVolume,
  onVolume,
  skip,
  uniqueName,
  untilLogged,
} from '../help/engine.ts'
import { readJson, root } from '../help/program.ts'

t.test('the image, by docker run', { skip }, async t => {
  const { migrator, hub } = buildImages(t)
  const run = (volume: string, ...words: readonly string[]) =>
    docker('run', '--rm', ...hardened, `--volume=${volume}:/app/data`, migrator, ...words)

  t.test('makes an empty volume ready, without network, capabilities or a writable root', async t => {
    const volume = makeVolume(t)
    t.match(run(volume), { exitCode: 0, stdout: '' })
    t.match(run(volume), { exitCode: 0, stderr: /up\.nothing/ })
    t.match(run(volume, 'status'), { exitCode: 0, stdout: /0 pending, ready/ })
    t.match(
      onVolume(migrator, volume, 'stat -c "%u:%g %n" /app/data /app/data/homelab.db'),
      /^1000:1000 .*\n1000:1000 /,
    )
  })

  t.test('tells its version', async t => {
    t.match(docker('run', '--rm', migrator, '--version'), {
      stdout: `${readJson(join(root, 'package.json')).version}\n`,
    })
  })

  t.test('has labels that say what package.json says', async t => {
    const { name, description, license, version } = readJson(join(root, 'package.json'))
    const labels: unknown = JSON.parse(dockerOk('inspect', '--format={{json .Config.Labels}}', migrator))
    const label = 'org.opencontainers.image'
    t.match(labels, {
      [`${label}.title`]: name,
      [`${label}.description`]: description,
      [`${label}.licenses`]: license,
      [`${label}.version`]: version,
    })
  })

  t.test('has the driver for its own architecture and for no other', async t => {
    const find = ['run', '--rm', '--entrypoint=/bin/sh', migrator, '-c']
    const arch = dockerOk(...find, 'node -p process.arch')
    const files = dockerOk(...find, "find /app -name '*.node'").split('\n')
    t.equal(files.length, 1)
    t.match(files[0], new RegExp(`linux-${arch}\\.node$`))
  })

  // Docker gives an empty volume the owner of the image's folder at each mount: a file in it keeps it as it is
  t.test('runs as any user whose group may write the volume, as on OpenShift', async t => {
    const volume = makeVolume(t)
    onVolume(migrator, volume, 'touch /app/data/old; chown 0:0 /app/data; chmod 2775 /app/data')
    const user = ['run', '--rm', ...hardened, '--user=1000650000:0', `--volume=${volume}:/app/data`, migrator]
    t.match(docker(...user), { exitCode: 0, stderr: /up\.done/ })
    t.match(docker(...user), { exitCode: 0, stderr: /up\.nothing/ })
  })

  t.test('as root it leaves no files of root in a volume of another', async t => {
    const volume = makeVolume(t)
    onVolume(migrator, volume, 'touch /app/data/old; chown -R 1234:1234 /app/data')
    const asRoot = ['run', '--rm', '--user=0', `--volume=${volume}:/app/data`]
    t.match(docker(...asRoot, migrator), { exitCode: 0, stderr: /up\.done/ })
    t.equal(onVolume(migrator, volume, 'find /app/data -not -user 1234 -o -not -group 1234'), '')
    t.match(docker(...asRoot, '--cap-drop=ALL', migrator), { exitCode: 12, stderr: /VOLUME_NOT_WRITABLE/ })
  })

  t.test('has the health check', async t => {
    const volume = makeVolume(t)
    const check = () =>
      docker('run', '--rm', ...hardened, '--entrypoint=/app/healthcheck.sh', `--volume=${volume}:/app/data`, migrator)
    t.match(check(), { exitCode: 1, stderr: /not ready/ })
    run(volume)
    t.match(check(), { exitCode: 0 })
  })

  t.test('without a volume it is refused with 10, and the flag that is missing', async t => {
    t.match(docker('run', '--rm', ...hardened, migrator), { exitCode: 10, stderr: /-v homelab-data:\/app\/data/ })
  })

  t.test('a read-only volume is refused with 12', async t => {
    const volume = makeVolume(t)
    t.match(run(`${volume}`, 'status'), { exitCode: 0 })
    t.match(docker('run', '--rm', `--volume=${volume}:/app/data:ro`, migrator), {
      exitCode: 12,
      stderr: /VOLUME_READ_ONLY/,
    })
  })

  t.test('a folder that Docker made as root is refused with 12 and the chown that mends it', async t => {
    const folder = mkdtempSync(join(tmpdir(), 'bind-'))
    t.teardown(() => rmSync(folder, { recursive: true }))
    const data = join(folder, 'data')
    t.match(run(data), { exitCode: 12, stderr: /chown -R 1000:1000/ })
    t.equal(statSync(data).uid, 0)
    dockerOk(
      'run',
      '--rm',
      '--user=0',
      '--entrypoint=chown',
      `--volume=${data}:/app/data`,
      migrator,
      '1000:1000',
      '/app/data',
    )
    t.match(run(data), { exitCode: 0 })
  })

  t.test('in memory it works, with a warning that the data ends with the container', async t => {
    const inMemory = (options: string) => docker('run', '--rm', ...hardened, `--tmpfs=/app/data:${options}`, migrator)
    const [, options = ''] = /--tmpfs \/app\/data:(\S+?)\\?"/.exec(inMemory('mode=755').stderr) ?? []
    t.equal(options, 'uid=1000,gid=1000', 'what it needs is told')
    const { exitCode, stderr } = inMemory(options)
    t.equal(exitCode, 0)
    t.match(stderr, /"warn","event":"volume\.memory".*ends with the container/)
    t.match(stderr, /up\.done/)
  })

  t.test(
    'a backup is made and restored without network, capabilities or a writable root, while no hub runs',
    async t => {
      const volume = makeVolume(t)
      run(volume)
      t.match(run(volume, 'backup'), {
        exitCode: 0,
        stdout: /^\/app\/data\/backups\/homelab--\d{4}-[a-z-]+-.*\.db\n$/,
      })
      onVolume(migrator, volume, 'head -c 5000 /app/data/homelab.db > /tmp/x; cat /tmp/x > /app/data/homelab.db')
      t.match(run(volume), {
        exitCode: 30,
        stderr: /migrator restore --yes \/app\/data\/backups\/homelab--\d{4}-[a-z-]+/,
      })
      t.match(run(volume, 'restore', '--latest'), { exitCode: 2, stderr: /--yes/ })
      t.match(run(volume, 'restore', '--latest', '--yes'), { exitCode: 0 })
      t.match(run(volume), { exitCode: 0, stderr: /up\.nothing/ })
      t.equal(onVolume(migrator, volume, 'find /app/data -not -user 1000'), '')
    },
  )

  t.test('while a hub in another container has the database open, it is not replaced', async t => {
    const volume = makeVolume(t)
    run(volume)
    run(volume, 'backup')
    const open = `const d = new (require('/app/node_modules/better-sqlite3'))('/app/data/homelab.db'); d.prepare('SELECT * FROM servers').all(); console.log('open'); setTimeout(() => {}, 60000)`
    const holder = dockerOk(
      'run',
      '--detach',
      '--rm',
      `--volume=${volume}:/app/data`,
      '--entrypoint=node',
      hub,
      '-e',
      open,
    )
    t.teardown(() => docker('rm', '--force', holder))
    await untilLogged(holder, 'open')
    t.match(run(volume, 'restore', '--latest', '--yes'), { exitCode: 20, stderr: /DATABASE_BUSY/ })
    t.match(run(volume, 'backup'), { exitCode: 0 }, 'a backup does not mind')
  })

  t.test('docker stop is heard at once, and nothing is changed', async t => {
    const volume = makeVolume(t)
    onVolume(migrator, volume, 'chown 1000:1000 /app/data')
    const name = uniqueName()
    t.teardown(() => docker('rm', '--force', name))
    const hold = `const d = new (require('/app/node_modules/better-sqlite3'))('/app/data/homelab.db'); d.exec('BEGIN EXCLUSIVE'); console.log('held'); setTimeout(() => {}, 60000)`
    const holder = dockerOk(
      'run',
      '--detach',
      '--rm',
      `--volume=${volume}:/app/data`,
      '--entrypoint=node',
      hub,
      '-e',
      hold,
    )
    t.teardown(() => docker('rm', '--force', holder))
    await untilLogged(holder, 'held')
    dockerOk('run', '--detach', '--name', name, `--volume=${volume}:/app/data`, migrator)
    await untilLogged(name, 'lock.waiting')
    dockerOk('stop', '--time=30', name)
    t.equal(dockerOk('inspect', '--format={{.State.ExitCode}}', name), '143')
  })

  t.test('it is at most 8 MB above the Node binary and the base that it stands on', async t => {
    const sizeOf = (image: string) => Number(dockerOk('image', 'inspect', '--format={{.Size}}', image))
    const node = Number(dockerOk('run', '--rm', '--entrypoint=stat', migrator, '--format=%s', '/usr/local/bin/node'))
    const [_, base = ''] = /^ARG BASE_IMAGE=(.+)$/m.exec(readFileSync(join(root, 'Dockerfile'), 'utf8')) ?? []
    const above = sizeOf(migrator) - sizeOf(base) - node
    t.comment(`${(above / 1e6).toFixed(2)} MB above node (${(node / 1e6).toFixed(0)} MB) and ${base}`)
    t.ok(above > 0 && above <= 8e6, `${above} bytes`)
  })

  t.test('it has no npm, no headers and no sources', async t => {
    const files = dockerOk('run', '--rm', '--entrypoint=find', migrator, '/app', '/usr/local', '-type', 'f').split('\n')
    t.strictSame(
      files.filter(file => /node_modules|npm|\.h$|\/src\//.test(file)),
      [],
    )
  })

  t.test('its compile cache is used, by user 1000 and by root, and holds the long way too', async t => {
    for (const user of ['1000:1000', '0:0']) {
      const volume = makeVolume(t)
      const { stderr } = docker(
        'run',
        '--rm',
        '--read-only',
        `--user=${user}`,
        '--env=NODE_DEBUG_NATIVE=COMPILE_CACHE',
        `--volume=${volume}:/app/data`,
        migrator,
      )
      for (const file of ['main.cjs', 'bring-up.cjs', '0001-create-servers.ts']) {
        t.match(stderr, new RegExp(`reading cache from .*${file}.*success`), `${file} for ${user}`)
      }
    }
  })

  t.test('the legacy builder makes it too', async t => {
    const tag = uniqueName()
    t.teardown(() => docker('rmi', '--force', tag))
    process.env.DOCKER_BUILDKIT = '0'
    t.teardown(() => delete process.env.DOCKER_BUILDKIT)
    dockerOk('build', '--quiet', '--target=migrator', '--tag', tag, root)
    t.match(docker('run', '--rm', tag, '--version'), { exitCode: 0 })
  })
})
