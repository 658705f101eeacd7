// A way to Redis or to a dashboard that a test can make slow, cut into pieces, hold up, change, or break: plain TCP on loopback, both directions.

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
  /** What becomes of each piece of an answer, given where in its connection it begins; undefined breaks the connection. */
  change: ((piece: Buffer, at: number) => Buffer | undefined) | undefined;
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
  /** Bytes that went to the other side so far, and that came back. */
  readonly sentBytes: number;
  readonly answeredBytes: number;
  /** Connections that are open. */
  readonly connections: number;
}

/** Ends with the test. */
export async function startTcpProxy(targetUrl: string, way: Partial<Way> = {}): Promise<TcpProxy> {
  const target = new URL(targetUrl);
  const settings: Way = {
    delayMs: 0,
    bytesPerSecond: undefined,
    pieceBytes: 64 * 1024,
    change: undefined,
    ...way,
  };
  const open = new Set<Socket>();
  let [sentBytes, answeredBytes] = [0, 0];
  let gate = Promise.resolve();
  let release = (): void => undefined;

  async function carry(
    from: Socket,
    to: Socket,
    count: (bytes: number) => void,
    change = (piece: Buffer): Buffer | undefined => piece,
  ): Promise<void> {
    for await (const read of from as AsyncIterable<Buffer>) {
      if (settings.delayMs > 0) await pause(settings.delayMs);
      for (let at = 0; at < read.byteLength; ) {
        const piece = read.subarray(at, at + settings.pieceBytes);
        await gate;
        if (settings.bytesPerSecond) await pause((1_000 * piece.byteLength) / settings.bytesPerSecond);
        const given = change(piece);
        if (!given) return void to.resetAndDestroy();
        if (!to.write(given)) await drained(to);
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
    let at = 0;
    const change = (piece: Buffer) => (settings.change ? settings.change(piece, at) : piece);
    const answered = (bytes: number) => {
      answeredBytes += bytes;
      at += bytes;
    };
    carry(far, near, answered, change).catch(() => undefined);
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
    get connections() {
      return open.size / 2;
    },
    get answeredBytes() {
      return answeredBytes;
    },
  };
}

/** Resolves when the socket takes more, or nothing any more. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });
}
