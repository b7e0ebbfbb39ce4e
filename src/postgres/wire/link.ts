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
  const arrived: Message[] = []
  let rest: Buffer = Buffer.alloc(0)
  let failure: Error | undefined
  let wake = (): void => undefined
  // goes round the queue of a stream, whose code takes longer than what there is to read
  const onread = {
    buffer: Buffer.alloc(16 * 1024),
    callback: (count: number, bytes: Uint8Array): boolean => {
      // a copy, since what comes next takes its place
      const decoded = decode(Buffer.concat([rest, bytes.subarray(0, count)]))
      if (decoded === undefined) {
        fail(new Error('the server sent what the short way does not expect'))
        return false
      }
      arrived.push(...decoded.messages)
      rest = decoded.rest
      wake()
      return true
    },
  }
  const socket = host.startsWith('/')
    ? connect({ path: `${host}/.s.PGSQL.${port}`, onread })
    : connect({ host, port, noDelay: true, onread })
  const fail = (error: Error): void => {
    failure ??= error
    socket.destroy()
    wake()
  }
  const late = setTimeout(fail, patience, new Error('the server did not answer in time'))
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
