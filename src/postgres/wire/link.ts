import { connect } from 'node:net'
import { decode, type Message } from './messages.ts'

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

/** @param patience milliseconds until all has to be done */
export const openLink = (host: string, port: number, patience: number): Link => {
  const socket = host.startsWith('/')
    ? connect({ path: `${host}/.s.PGSQL.${port}` })
    : connect({ host, port, noDelay: true })
  const arrived: Message[] = []
  let rest: Buffer = Buffer.alloc(0)
  let failure: Error | undefined
  let wake = (): void => undefined
  const fail = (error: Error): void => {
    failure ??= error
    socket.destroy()
    wake()
  }
  const late = setTimeout(fail, patience, new Error('the server did not answer in time'))
  socket.on('data', (bytes: Buffer) => {
    const decoded = decode(rest.length === 0 ? bytes : Buffer.concat([rest, bytes]))
    if (decoded === undefined) return fail(new Error('the server sent what the short way does not expect'))
    arrived.push(...decoded.messages)
    rest = decoded.rest
    wake()
  })
  socket.on('error', fail)
  socket.on('close', () => {
    clearTimeout(late)
    fail(new Error('the server closed the connection'))
  })
  return {
    send: bytes => void socket.write(bytes),
    next: async () => {
      for (;;) {
        const message = arrived.shift()
        if (message !== undefined) return message
        if (failure !== undefined) throw failure
        await new Promise<void>(resolve => {
          wake = resolve
        })
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
