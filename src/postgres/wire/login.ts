/** Answers to a server that asks for the password. node:crypto is loaded when it does. */
const crypto = () => process.getBuiltinModule('node:crypto')

/** @param salt of this connection */
export const md5Answer = (user: string, password: string, salt: Buffer): string => {
  const { hash } = crypto()
  return `md5${hash('md5', Buffer.concat([Buffer.from(hash('md5', password + user)), salt]))}`
}

export const mechanism = 'SCRAM-SHA-256'

/** The driver's own limit: a server could otherwise have the client compute for hours. */
const mostIterations = 100_000

export type Scram = Readonly<{
  /** what the client says first */
  first: string
  /**
   * What it says last, and what only a server that knows the password can say then.
   * @param challenge the server's answer to the first; undefined comes back for one that is not sound
   */
  last: (challenge: string) => Readonly<{ proof: string; verdict: string }> | undefined
}>

/** SCRAM-SHA-256 without channel binding, as RFC 5802 and 7677 have it. @param password in ASCII, which needs no SASLprep */
export const scram = (password: string): Scram => {
  const { createHmac, hash, pbkdf2Sync, randomBytes } = crypto()
  const sign = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
  const nonce = randomBytes(18).toString('base64')
  // the server takes the user from the start-up message
  const first = `n=,r=${nonce}`
  return {
    first: `n,,${first}`,
    last: challenge => {
      const [, both = '', salt = '', iterations = ''] =
        /^r=([!-+\x2d-~]+),s=([A-Za-z\d+/]+=*),i=([1-9]\d{0,5})$/.exec(challenge) ?? []
      if (both.length <= nonce.length || !both.startsWith(nonce) || Number(iterations) > mostIterations)
        return undefined
      const last = `c=${btoa('n,,')},r=${both}`
      const signed = `${first},${challenge},${last}`
      const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), Number(iterations), 32, 'sha256')
      const key = sign(salted, 'Client Key')
      const mask = sign(hash('sha256', key, 'buffer'), signed)
      const proof = key.map((byte, index) => byte ^ mask.readUInt8(index))
      return {
        proof: `${last},p=${Buffer.from(proof).toString('base64')}`,
        verdict: `v=${sign(sign(salted, 'Server Key'), signed).toString('base64')}`,
      }
    },
  }
}
