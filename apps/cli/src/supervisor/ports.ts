// Finding a TCP port to listen on.

import { createServer } from 'node:net';

/**
 * The wanted port if it is free on this host, else any free one.
 * @param wanted 0 for any. The answer is a hint: somebody may take the port before it is used.
 */
export async function choosePort(host: string, wanted: number): Promise<number> {
  return (await tryPort(host, wanted)) ?? (await tryPort(host, 0)) ?? wanted;
}

/** Listens for a moment. @returns the port, or undefined when it is taken. */
function tryPort(host: string, port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      const found = typeof address === 'object' && address !== null ? address.port : undefined;
      server.close(() => resolve(found));
    });
  });
}
