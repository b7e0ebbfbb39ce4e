import { spawnSync } from 'node:child_process'
import t from 'tap'
import { forShell } from '../src/for-shell.ts'

t.test('a shell reads the path as it is', async t => {
  for (const path of ['/app/data', '/a b', "/it's", '/$HOME', '/a;b', '/`x`', '/a\\b', 'homelab-data:/app/data', '']) {
    const { stdout } = spawnSync('sh', ['-c', `printf %s ${forShell(path)}`], { encoding: 'utf8' })
    t.equal(stdout, path)
  }
})

t.test('one that needs no quotes has none', async t => {
  for (const path of ['/app/data', 'homelab-data:/app/data', '/data:uid=1000,gid=1000']) t.equal(forShell(path), path)
})
