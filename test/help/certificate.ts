import { spawnSync } from 'node:child_process'
import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** For tap's `skip`: why no certificate can be made here. */
export const noOpenssl = spawnSync('openssl', ['version']).status !== 0 && 'needs openssl, to make a certificate'

/** Makes a certificate that nobody signed in a folder, of a host called x. @returns its file, and that of its key; and what is in both */
export const makeCertificate = (folder: string) => {
  const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')]
  const words = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=x'.split(' ')
  const { status, stderr } = spawnSync('openssl', [...words, '-keyout', key, '-out', certificate], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`openssl exited ${status}: ${stderr}`)
  chmodSync(key, 0o600)
  return { certificate, key, pair: { key: readFileSync(key), cert: readFileSync(certificate) } }
}
