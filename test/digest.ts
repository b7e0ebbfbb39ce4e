import t from 'tap'
import { digest } from '../src/digest.ts'

t.test('it is the SHA-256 of the text in UTF-8, and says so', async t => {
  t.equal(digest(''), 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  t.equal(digest('ü'), 'sha256:607474ca475a9724d7360aba71a56d5df77e61350e3f724cfa1f46e857e2d85f')
})
