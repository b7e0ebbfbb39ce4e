import t from 'tap'
import { fileFailure } from '../../src/volume/errors.ts'

const fileError = (code: string) => Object.assign(new Error('what the kernel says'), { code })

for (const [errno, code] of [
  ['ENOSPC', 'DISK_FULL'],
  ['EDQUOT', 'DISK_FULL'],
  ['EROFS', 'VOLUME_READ_ONLY'],
  ['EACCES', 'VOLUME_NOT_WRITABLE'],
  ['ENOLCK', 'FILESYSTEM_UNSUITABLE'],
  ['EISDIR', 'CONFIG_INVALID'],
  ['ELOOP', 'CONFIG_INVALID'],
] as const) {
  t.test(`${errno} is ${code}`, async t => {
    t.match(fileFailure(fileError(errno)), { code, message: /what the kernel says/ })
  })
}

t.test('any other error stays what it is', async t => {
  for (const error of [fileError('ENOENT'), new TypeError('a bug'), { code: 'ENOSPC' }, undefined])
    t.equal(fileFailure(error), error)
})
