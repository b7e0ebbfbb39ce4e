import { chownSync, mkdirSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { getSystemErrorMap } from 'node:util'
import t from 'tap'
import { Failure } from '../../src/failure.ts'
import { fileFailure, meaningOf } from '../../src/volume/errors.ts'

const fileError = (code: string, errno = -1, path = '/nowhere/x.db') =>
  Object.assign(new Error(`${code}: what the kernel says, open '${path}'`), { code, errno, path, syscall: 'open' })

for (const [errno, code] of [
  ['ENOSPC', 'DISK_FULL'],
  ['EDQUOT', 'DISK_FULL'],
  ['EIO', 'DISK_FULL'],
  ['EROFS', 'VOLUME_READ_ONLY'],
  ['EACCES', 'VOLUME_NOT_WRITABLE'],
  ['ENOTCONN', 'VOLUME_MISSING'],
  ['ESTALE', 'VOLUME_MISSING'],
  ['ENOENT', 'DATABASE_BUSY'],
  ['EMFILE', 'CONFIG_INVALID'],
  ['ENOLCK', 'FILESYSTEM_UNSUITABLE'],
  ['EISDIR', 'CONFIG_INVALID'],
  ['ELOOP', 'CONFIG_INVALID'],
] as const) {
  t.test(`${errno} is ${code}`, async t => {
    t.match(fileFailure(fileError(errno)), { code, message: /what the kernel says/ })
  })
}

t.test('every errno that this machine or Node knows has its meaning', async t => {
  const names = [...Object.keys(constants.errno), ...[...getSystemErrorMap().values()].map(([name]) => name)]
  // EAI_ are those of name servers, the others are made up by libuv
  const none = /^EAI_|^(?:EOF|ECHARSET|EFTYPE)$/
  t.strictSame(
    names.filter(name => !none.test(name) && meaningOf(name) === undefined),
    [],
  )
})

t.test('every number that the kernel may give is told as a failure, with its name where Node has none', async t => {
  const codes = Object.entries(constants.errno)
  for (let errno = 1; errno <= 133; errno += 1) {
    const named = getSystemErrorMap().get(-errno)?.[0]
    const failure = fileFailure(fileError(named ?? `Unknown system error -${errno}`, -errno))
    t.type(failure, Failure, `errno ${errno}`)
  }
  for (const [name, errno] of codes.filter(
    ([name, errno]) => !getSystemErrorMap().has(-errno) && name !== 'EWOULDBLOCK',
  )) {
    const failure = fileFailure(fileError(`Unknown system error -${errno}`, -errno))
    if (/^(?:EBADMSG|EDQUOT|ESTALE|ENOLCK)$/.test(name)) t.match(failure, { message: new RegExp(`${name}: what`) })
  }
})

t.test('where rights lack the line that mends it is told', async t => {
  const folder = t.testdir()
  mkdirSync(join(folder, 'backups'))
  const path = join(folder, 'backups', 'x.db')
  const { getuid } = process
  t.teardown(() => Object.assign(process, { getuid }))
  const hintFor = (uid: number | undefined) => {
    Object.assign(process, { getuid: uid === undefined ? undefined : () => uid })
    return fileFailure(fileError('EACCES', -13, path))
  }
  const own = process.getuid?.() ?? 0
  t.match(hintFor(own + 1), {
    hint: `Run \`chown -R ${own + 1}:${process.getgid?.()} ${join(folder, 'backups')}\` as root`,
  })
  if (own === 0) {
    chownSync(join(folder, 'backups'), 7, 7)
    t.match(hintFor(7), { hint: `Its mode forbids it: run \`chmod -R u+rwX ${join(folder, 'backups')}\`.` })
  }
  t.match(hintFor(undefined), { hint: /the owner and the mode/ })
  t.match(fileFailure(fileError('EACCES')), { hint: /the owner and the mode/ })
  Object.assign(process, { getuid })
  t.match(fileFailure(fileError('EPERM', -1, path)), { hint: own === 0 ? /lsattr/ : /chmod/ })
})

t.test('where Node loses the errno, the disk is to blame', async t => {
  for (const code of ['UNKNOWN', '']) t.match(fileFailure(fileError(code, -4094)), { code: 'DISK_FULL' })
})

t.test('any other error stays what it is', async t => {
  for (const error of [fileError('ERR_INVALID_ARG_TYPE'), new TypeError('a bug'), { code: 'ENOSPC' }, undefined])
    t.equal(fileFailure(error), error)
})
