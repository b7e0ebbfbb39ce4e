import { connect, isIP, type Socket } from 'node:net'
import { decode, type Message, tlsRequest } from './messages.ts'

/** A connection to a server, message by message. */
export type Link = Readonly<{
  send: (bytes: Buffer) => void
  /** The next message. @throws Error if the connection broke, fell silent, or brought what the short way does not expect */
  next: () => Promise<Message>
  /** sends the last message, and closes the connection */
  end: (bytes: Buffer) => void
  /** closes it at once */
  destroy: () => void
}>

/**
 * @param patience milliseconds until all has to be done
 * @param prefersTls asks the server for TLS, and goes on without where it has none, as the driver does; else there is none
 */
export const openLink = async (host: string, port: number, patience: number, prefersTls: boolean): Promise<Link> => {
  const arrived: Message[] = []
  let rest: Buffer = Buffer.alloc(0)
  let failure: Error | undefined
  let wake: (() => void) | undefined
  const changed = (): Promise<void> =>
    new Promise(resolve => {
      wake = resolve
    })
  const fail = (error: Error): void => {
    failure ??= error
    socket.destroy()
    wake?.()
  }
  // a copy of the bytes, since what comes next may take their place
  const take = (bytes: Uint8Array): boolean => {
    const decoded = decode(Buffer.concat([rest, bytes]))
    if (decoded === undefined) {
      fail(new Error('the server sent what the short way does not expect'))
      return false
    }
    arrived.push(...decoded.messages)
    rest = decoded.rest
    wake?.()
    return true
  }
  const onClose = (): void => {
    clearTimeout(late)
    fail(new Error('the server closed the connection'))
  }
  const openPlain = (): Socket => {
    // goes round the queue of a stream, whose code takes longer than what there is to read
    const callback = (count: number, bytes: Uint8Array): boolean => take(bytes.subarray(0, count))
    const onread = { buffer: Buffer.alloc(16 * 1024), callback }
    return host.startsWith('/')
      ? connect({ path: `${host}/.s.PGSQL.${port}`, onread })
      : connect({ host, port, noDelay: true, onread })
  }
  let socket = prefersTls ? connect({ host, port, noDelay: true }) : openPlain()
  const late = setTimeout(fail, patience, new Error('the server did not answer in time'))
  socket.on('error', fail).on('close', onClose)
  if (prefersTls) {
    let isAgreed = false
    const agree = (): void => {
      socket.on('data', take)
      isAgreed = true
      wake?.()
    }
    socket.write(tlsRequest)
    socket.once('data', bytes => {
      const answer = bytes.toString('latin1')
      if (answer === 'N') return agree()
      // more than one byte would be read as if it had come encrypted
      if (answer !== 'S') return fail(new Error('the server does not say whether it has TLS'))
      const names = isIP(host) === 0 ? { servername: host } : {}
      // as in libpq, `prefer` checks no certificate
      socket = process.getBuiltinModule('node:tls').connect({ socket, rejectUnauthorized: false, ...names }, agree)
      socket.on('error', fail).on('close', onClose)
    })
    while (!isAgreed && failure === undefined) await changed()
  }
  return {
    send: bytes => void socket.write(bytes),
    next: async () => {
      for (;;) {
        const message = arrived.shift()
        if (message !== undefined) return message
        if (failure !== undefined) throw failure
        await changed()
      }
    },
    end: bytes => {
      clearTimeout(late)
      socket.end(bytes)
    },
    destroy: () => {
      clearTimeout(late)
      socket.destroy()
    },
  }
}
