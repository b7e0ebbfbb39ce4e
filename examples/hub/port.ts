/** @throws Error for a PORT that is none */
export const portOf = (text: string | undefined): number => {
  const port = Number(text || 8080)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`PORT=${text} is no port, such as 8080`)
  return port
}

/**
 * Why a server cannot listen, and what to do where the port is another's.
 * @param command what is started again, after the setting
 */
export const whyNotListening = (error: Error, port: number, command = ''): string =>
  'code' in error && error.code === 'EADDRINUSE'
    ? `port ${port} is taken. Stop what listens there, or take another: PORT=${port < 65_535 ? port + 1 : 8080}${command}`
    : error.message
