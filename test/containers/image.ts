import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import {
  buildImages,
  docker,
  dockerOk,
  hardened,
  inside,
  makeVolume,
  onVolume,
  skip,
  uniqueName,
  untilLogged,
} from '../help/engine.ts'
import { readJson, root } from '../help/program.ts'

/** Paths in the image, without what an engine mounts there. */
const list = (image: string, test: string): readonly string[] =>
  inside(image, `find / -xdev \\( ${test} \\)`)
    .split('\n')
    .filter(file => !/^\/(?:proc|sys|dev)\b|^\/etc\/(?:hosts|hostname|resolv\.conf|mtab)$/.test(file))

/** Whether /bin/sh is linked at run time: the program headers of elf(5), of which PT_INTERP is 3. */
const asksForLoader = [
  "const elf = require('node:fs').readFileSync('/bin/sh')",
  'const [start, size, count] = [Number(elf.readBigUInt64LE(32)), elf.readUInt16LE(54), elf.readUInt16LE(56)]',
  'Array.from({ length: count }, (_, index) => elf.readUInt32LE(start + index * size)).includes(3)',
].join('; ')

/** Every file of the image that has more than a kilobyte. */
const expected = [
  /^\/usr\/local\/bin\/node$/,
  /^\/bin\/sh$/,
  /^\/lib(?:64)?\/ld-linux-[\w-]+\.so\.\d$|^\/lib64\/ld-linux-x86-64\.so\.2$/,
  /^\/lib\/[\w-]+-linux-gnu\/lib(?:atomic|c|dl|gcc_s|m|nss_dns|nss_files|pthread|stdc\+\+)\.so\.\d$/,
  /^\/etc\/ssl\/certs\/ca-certificates\.crt$/,
  /^\/app\/dist\/[\w-]+\.cjs$/,
  /^\/app\/dist\/(?:main|shared|on-server|long|code)\.js(?:\.cache)?$/,
  /^\/app\/dist\/sequelize\.mjs$/,
  /^\/app\/dist\/linux-\w+\.node$/,
  /^\/app\/cache\/v[\w.-]+-1000\/[0-9a-f]+$/,
  /^\/app\/migrations\/(?:\d{4}-[\w-]+(?:\.postgres)?\.ts|schema(?:\.postgres)?\.sql)$/,
  /^\/app\/package\.json$/,
  /^\/app\/healthcheck\.sh$/,
]

t.test('the image, by docker run', { skip }, async t => {
  const { migrator, hub } = buildImages(t)
  const run = (volume: string, ...words: readonly string[]) =>
    docker('run', '--rm', ...hardened, `--volume=${volume}:/app/data`, migrator, ...words)

  t.test('makes an empty volume ready, without network, capabilities or a writable root', async t => {
    const volume = makeVolume(t)
    t.match(run(volume), { exitCode: 0, stdout: '' })
    t.match(run(volume), { exitCode: 0, stderr: /nothing to do/ })
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

  t.test('has labels that say what package.json says, and what the build was told of its source', async t => {
    const { name, description, license, version } = readJson(join(root, 'package.json'))
    const told = {
      revision: '0123abc',
      created: '2026-01-18T10:00:00Z',
      source: 'https://git.example/homelab-migrator',
    }
    const tag = uniqueName()
    t.teardown(() => docker('rmi', '--force', tag))
    const words = Object.entries(told).map(([key, value]) => `--build-arg=${key.toUpperCase()}=${value}`)
    dockerOk('build', '--quiet', '--target=migrator', '--tag', tag, ...words, root)
    const expected = { title: name, description, licenses: license, version, ...told }
    t.match(
      JSON.parse(dockerOk('inspect', '--format={{json .Config.Labels}}', tag)),
      Object.fromEntries(Object.entries(expected).map(([key, value]) => [`org.opencontainers.image.${key}`, value])),
    )
  })

  t.test('is not built of a version that package.json does not have', async t => {
    t.match(docker('build', '--target=migrator', '--build-arg=VERSION=9.9.9', root), {
      exitCode: 1,
      stderr: /VERSION=9\.9\.9 is not the version of package\.json/,
    })
  })

  t.test('is not built on Alpine, whose C library is another', async t => {
    const folder = mkdtempSync(join(tmpdir(), 'alpine-'))
    const tag = uniqueName()
    t.teardown(() => [docker('rmi', '--force', tag), rmSync(folder, { recursive: true })])
    // a base with a shell and without apt-get, as Alpine is; the real one cannot be pulled everywhere
    writeFileSync(join(folder, 'Dockerfile'), `FROM ${migrator}\nUSER root\nENTRYPOINT []\n`)
    dockerOk('build', '--quiet', '--tag', tag, folder)
    const { exitCode, stdout, stderr } = docker('build', '--target=migrator', `--build-arg=NODE_IMAGE=${tag}`, root)
    t.not(exitCode, 0)
    t.match(stdout + stderr, /NODE_IMAGE must be a Debian or Ubuntu.*Alpine is not supported/)
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
    t.match(docker(...user), { exitCode: 0, stderr: /[0-9]+ applied in/ })
    t.match(docker(...user), { exitCode: 0, stderr: /nothing to do/ })
  })

  t.test('as root it leaves no files of root in a volume of another', async t => {
    const volume = makeVolume(t)
    onVolume(migrator, volume, 'touch /app/data/old; chown -R 1234:1234 /app/data')
    const asRoot = ['run', '--rm', '--user=0', `--volume=${volume}:/app/data`]
    t.match(docker(...asRoot, migrator), { exitCode: 0, stderr: /[0-9]+ applied in/ })
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
    onVolume(migrator, data, 'chown 1000:1000 /app/data')
    t.match(run(data), { exitCode: 0 })
  })

  t.test('in memory it works, with a warning that the data is lost with the container', async t => {
    const inMemory = (options: string) => docker('run', '--rm', ...hardened, `--tmpfs=/app/data:${options}`, migrator)
    const [, options = ''] = /--tmpfs \/app\/data:(\S+?)`/.exec(inMemory('mode=755').stderr) ?? []
    t.equal(options, 'uid=1000,gid=1000', 'what it needs is told')
    const { exitCode, stderr } = inMemory(options)
    t.equal(exitCode, 0)
    t.match(stderr, /^warn: .*lost with the container/m)
    t.match(stderr, /[0-9]+ applied in/)
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
        stderr: /migrator restore --yes \S*homelab--\d{4}-[a-z-]+/,
      })
      t.match(run(volume, 'restore', '--latest'), { exitCode: 2, stderr: /--yes/ })
      t.match(run(volume, 'restore', '--latest', '--yes'), { exitCode: 0 })
      t.match(run(volume), { exitCode: 0, stderr: /nothing to do/ })
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
    await untilLogged(name, 'for another writer')
    dockerOk('stop', '--time=30', name)
    t.equal(dockerOk('inspect', '--format={{.State.ExitCode}}', name), '143')
  })

  t.test('it is at most 140 MB', async t => {
    const size = Number(dockerOk('image', 'inspect', '--format={{.Size}}', migrator))
    t.comment(`${(size / 1e6).toFixed(1)} MB`)
    t.ok(size > 0 && size <= 140e6, `${size} bytes`)
  })

  t.test('each of its files above a kilobyte is one of these', async t => {
    const files = list(migrator, '-type f -size +1024c')
    for (const file of files)
      t.ok(
        expected.some(pattern => pattern.test(file)),
        file,
      )
    for (const pattern of expected)
      t.ok(
        files.some(file => pattern.test(file)),
        String(pattern),
      )
  })

  t.test('it has no shell but busybox, which is static, and no package manager', async t => {
    const shells = /\/(?:a|ba|da|k|mk|z|fi)?sh$/
    const managers =
      /\/(?:apt(?:-\w+)?|aptitude|dpkg(?:-\w+)?|apk|rpm|d?nf|yum|npm|npx|corepack|yarn|pip3?)$|\/node_modules/
    const files = list(migrator, '-type f -o -type l -o -type d')
    t.strictSame(
      files.filter(file => shells.test(file) || managers.test(file)),
      ['/bin/sh'],
    )
    t.match(inside(migrator, 'sh --help 2>&1'), /BusyBox/)
    t.equal(inside(migrator, `node -p "${asksForLoader}"`), 'false')
    t.strictSame(
      list(migrator, '-type f').filter(file => /\.h$|\.d\.ts$|\/src\//.test(file)),
      [],
      'no headers, no sources',
    )
  })

  t.test('it knows its users, the names of hosts, and certificates', async t => {
    t.match(inside(migrator, 'cat /etc/passwd'), /^root:x:0:0:.*\n\S+:x:1000:1000:/)
    t.equal(inside(migrator, `node -p "require('node:os').userInfo().uid"`), '1000')
    const lookUp = `require('node:dns').lookup('localhost', (error, found) => console.log(error ?? found))`
    t.match(inside(migrator, `node -e "${lookUp}"`), /^(?:127\.0\.0\.1|::1)$/)
    t.match(inside(migrator, 'cat /etc/ssl/certs/ca-certificates.crt'), /^-----BEGIN CERTIFICATE-----/)
  })

  t.test('its compile caches are used, by user 1000 and by root, and hold the long way too', async t => {
    const run = (user: string, volume: string, ...settings: readonly string[]) => {
      const set = ['NODE_DEBUG_NATIVE=COMPILE_CACHE', ...settings].map(setting => `--env=${setting}`)
      return docker('run', '--rm', '--read-only', `--user=${user}`, ...set, `--volume=${volume}:/app/data`, migrator)
        .stderr
    }
    const nobody = ['DATABASE_URL=postgres://nobody@127.0.0.1:1/none', 'MIGRATOR_LOCK_TIMEOUT=0']
    for (const user of ['1000:1000', '0:0']) {
      const volume = makeVolume(t)
      t.match(run(user, volume), /reading cache from .*main\.cjs.*success/, `on a file for ${user}`)
      t.match(run(user, volume, ...nobody), /reading cache from .*driver\.cjs.*success/, `on a server for ${user}`)
    }
    // V8 refuses a cache that was made under other options
    const [, ...options] = JSON.parse(dockerOk('inspect', '--format={{json .Config.Entrypoint}}', migrator))
    const node = ['node', ...options.filter((word: string) => word.startsWith('-'))].join(' ')
    for (const file of ['main', 'shared', 'on-server', 'long', 'code']) {
      const read = (suffix: string) => `require('node:fs').readFileSync('/app/dist/${file}.js${suffix}')`
      const script = `new (require('node:vm').Script)(String(${read('')}), { cachedData: ${read('.cache')} })`
      t.equal(inside(migrator, `${node} -p "${script}.cachedDataRejected"`), 'false', file)
    }
  })
})
