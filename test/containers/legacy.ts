import t from 'tap'
import { buildImages, docker, dockerOk, hardened, inside, makeVolume, skip, uniqueName } from '../help/engine.ts'
import { root } from '../help/program.ts'

t.test('the legacy builder makes the same image as BuildKit', { skip }, async t => {
  const { migrator } = buildImages(t)
  const tag = uniqueName()
  t.teardown(() => docker('rmi', '--force', tag))
  process.env.DOCKER_BUILDKIT = '0'
  t.teardown(() => delete process.env.DOCKER_BUILDKIT)
  dockerOk('build', '--quiet', '--target=migrator', '--tag', tag, root)
  const volume = makeVolume(t)
  t.match(docker('run', '--rm', ...hardened, `--volume=${volume}:/app/data`, tag), { exitCode: 0 })
  // what Node names its cached code by, and esbuild its chunks, is not the same in two builds
  const files =
    'find / -xdev -not -path "/proc*" -not -path "/sys*" -not -path "/dev*" -not -path "/app/cache/*/*" | sort'
  const look = `for file in $(${files}); do stat -c '%a %u:%g %n' $file; done`
  const lookAt = (image: string) =>
    inside(image, look)
      .replaceAll(/-[A-Z0-9]{8}(?=\.cjs$)/gm, '-*')
      .split('\n')
      .toSorted()
  t.strictSame(lookAt(tag), lookAt(migrator), 'files, owners and modes')
})
