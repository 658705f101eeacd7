// One connection that does nothing but read staged chunks, into a buffer that is used again and again. Through ioredis each
// chunk is three copies in fresh memory, which V8 frees late: a third of the time of large files, and 70 MiB.
//
// It speaks the least of RESP: AUTH, SELECT and GETRANGE, and the answers to these.

import { connect as connectTcp, type NetConnectOpts, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { type RedisOptions, ReplyError } from 'ioredis';

/** Where Redis is and who asks, as ioredis reads it from an address. */
export type RedisPlace = Pick<
  RedisOptions,
  'host' | 'port' | 'path' | 'family' | 'username' | 'password' | 'db' | 'tls'
>;

/** The connection ended, or was never made. Passes. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

/** Bytes that one read from the socket may bring. */
const readBytes = 256 * 1024;
const lineFeed = 0x0a;
const lineEnd = '\r\n';
const maximumLineBytes = 8 * 1024;

export class ChunkLine {
  readonly #socket: Socket;
  /**
   * TLS brings record after record, also when it was told to stop: into one buffer they would overwrite each other. Its stream
   * keeps what nobody has taken, in memory of its own.
   */
  readonly #isStream: boolean;
  /** What was read and not yet looked at: a window into the one buffer. */
  #unread: Buffer = Buffer.alloc(0);
  #waiting: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #lost: Error | undefined;

  /** Connects and says who asks. @throws ConnectionLost, ReplyError */
  static async open(place: RedisPlace): Promise<ChunkLine> {
    const line = new ChunkLine(place);
    const { username, password, db } = place;
    if (password) {
      line.#send(username ? ['AUTH', username, password] : ['AUTH', password]);
      await line.#line();
    }
    if (db) {
      line.#send(['SELECT', String(db)]);
      await line.#line();
    }
    return line;
  }

  private constructor({ host, port, path, family, tls }: RedisPlace) {
    const where: NetConnectOpts = path
      ? { path }
      : { host: host ?? 'localhost', port: port ?? 6379, ...(family ? { family } : {}) };
    this.#isStream = Boolean(tls);
    if (tls) {
      this.#socket = connectTls({ ...where, ...tls } as ConnectionOptions);
      this.#socket.on('readable', () => this.#takeFromStream());
    } else {
      const onread = { buffer: Buffer.alloc(readBytes), callback: this.#take.bind(this) };
      this.#socket = connectTcp({ ...where, onread });
    }
    this.#socket.setNoDelay(true);
    this.#socket.setKeepAlive(true, 10_000);
    this.#socket.on('error', (error) => this.#lose(error.message));
    this.#socket.on('close', () => this.#lose('its end'));
  }

  /** Asks for the beginning of a chunk. Answers come in the order of the questions. */
  ask(key: string, maxBytes: number): void {
    this.#send(['GETRANGE', key, '0', String(maxBytes - 1)]);
  }

  /**
   * The length of the next answer; then `some` gives its bytes.
   * @returns 0 when there is no such chunk, or something else under its key.
   * @throws ConnectionLost; ReplyError with what Redis says.
   */
  async length(): Promise<number> {
    const header = await this.#line();
    if (header === undefined) return 0;
    const length = /^\$(\d+)$/.exec(header)?.[1];
    if (length === undefined) throw this.#lose(`an answer that begins with ${JSON.stringify(header)}`);
    if (length === '0') await this.#line();
    return Number(length);
  }

  /** At most so many of the bytes that come next. They are good until the next call. @throws ConnectionLost */
  async some(atMost: number): Promise<Buffer> {
    if (this.#unread.byteLength === 0) await this.#more();
    const bytes = this.#unread.subarray(0, atMost);
    this.#unread = this.#unread.subarray(bytes.byteLength);
    return bytes;
  }

  /** After the last byte of an answer. @throws ConnectionLost */
  async end(): Promise<void> {
    await this.#line();
  }

  close(): void {
    this.#socket.destroy();
  }

  get isOpen(): boolean {
    return this.#lost === undefined && !this.#socket.destroyed;
  }

  /** @returns undefined for a key of another type: then there is no chunk. */
  async #line(): Promise<string | undefined> {
    let line = '';
    for (;;) {
      if (this.#unread.byteLength === 0) await this.#more();
      const at = this.#unread.indexOf(lineFeed);
      const upTo = at < 0 ? this.#unread.byteLength : at + 1;
      line += this.#unread.toString('latin1', 0, upTo);
      this.#unread = this.#unread.subarray(upTo);
      if (at >= 0) break;
      if (line.length > maximumLineBytes) throw this.#lose('an answer without an end');
    }
    const text = line.slice(0, -lineEnd.length);
    if (!text.startsWith('-')) return text;
    if (text.startsWith('-WRONGTYPE')) return undefined;
    throw new ReplyError(text.slice(1));
  }

  #send(words: readonly string[]): void {
    const parts = words.map((word) => `$${Buffer.byteLength(word)}${lineEnd}${word}${lineEnd}`);
    this.#socket.write(`*${words.length}${lineEnd}${parts.join('')}`);
  }

  /** Called with what was read into the one buffer; nothing more is read until somebody asks. */
  #take(bytes: number, buffer: Uint8Array): boolean {
    this.#unread = Buffer.from(buffer.buffer, buffer.byteOffset, bytes);
    this.#waiting?.resolve();
    this.#waiting = undefined;
    return false;
  }

  #takeFromStream(): void {
    if (!this.#waiting) return;
    const bytes = this.#socket.read() as Buffer | null;
    if (bytes === null) return;
    this.#unread = bytes;
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }

  #more(): Promise<void> {
    if (this.#lost) return Promise.reject(this.#lost);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      if (this.#isStream) this.#takeFromStream();
      else this.#socket.resume();
    });
  }

  #lose(got: string): Error {
    this.#lost ??= new ConnectionLost(
      `expected the connection to Redis to go on, got ${got}; it is made again`,
    );
    this.#socket.destroy();
    this.#waiting?.reject(this.#lost);
    this.#waiting = undefined;
    return this.#lost;
  }
}
