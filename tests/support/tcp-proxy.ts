// A way to Redis that a test can make slow, cut into pieces, hold up, or break: plain TCP on loopback, both directions.

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { onTestFinished } from 'vitest';

export interface Way {
  /** Milliseconds that bytes take, one way. */
  delayMs: number;
  /** Bytes per second and direction; all at once when undefined. */
  bytesPerSecond: number | undefined;
  /** Bytes that come together. */
  pieceBytes: number;
}

export interface TcpProxy {
  readonly url: string;
  /** May be changed at any time. */
  readonly way: Way;
  /** Nothing gets through until `release`; connections stay open. */
  hold(): void;
  release(): void;
  /** Ends all connections that are open. */
  cut(): void;
  /** Bytes that went to Redis so far. */
  readonly sentBytes: number;
}

/** Ends with the test. */
export async function startTcpProxy(targetUrl: string, way: Partial<Way> = {}): Promise<TcpProxy> {
  const target = new URL(targetUrl);
  const settings: Way = { delayMs: 0, bytesPerSecond: undefined, pieceBytes: 64 * 1024, ...way };
  const open = new Set<Socket>();
  let sentBytes = 0;
  let gate = Promise.resolve();
  let release = (): void => undefined;

  async function carry(from: Socket, to: Socket, count: (bytes: number) => void): Promise<void> {
    for await (const read of from as AsyncIterable<Buffer>) {
      if (settings.delayMs > 0) await pause(settings.delayMs);
      for (let at = 0; at < read.byteLength; ) {
        const piece = read.subarray(at, at + settings.pieceBytes);
        await gate;
        if (settings.bytesPerSecond) await pause((1_000 * piece.byteLength) / settings.bytesPerSecond);
        if (!to.write(piece)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
        count(piece.byteLength);
        at += piece.byteLength;
      }
    }
    to.end();
  }

  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    for (const socket of [near, far]) {
      open.add(socket.setNoDelay(true));
      socket.on('error', () => undefined);
      socket.on('close', () => {
        open.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    carry(near, far, (bytes) => {
      sentBytes += bytes;
    }).catch(() => undefined); // a connection that ended
    carry(far, near, () => undefined).catch(() => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    for (const socket of [...open]) socket.destroy();
  };
  onTestFinished(() => {
    release();
    cut();
    server.close();
  });
  const address = server.address();
  return {
    url: `redis://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : ''}`,
    way: settings,
    hold: () => {
      gate = new Promise((resolve) => {
        release = resolve;
      });
    },
    release: () => release(),
    cut,
    get sentBytes() {
      return sentBytes;
    },
  };
}
