// `GET /live`: what changes on the fleet, as server-sent events, to everybody who watches. What is sent is made once per
// beat, however many watch; who takes it too slowly is cut off and comes back by itself.

import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sendFailure } from '../failures.ts';
import type { Beat, Pulse } from './pulse.ts';

/** Parts of a page by name, as HTML that is safe to put in. */
export type LiveParts = Readonly<Record<string, string>>;

export interface LiveOptions {
  readonly pulse: Pick<Pulse, 'watch'>;
  readonly render: (beat: Beat) => LiveParts;
  /** Asked at each heartbeat: a login may have ended meanwhile. */
  readonly mayStay: (request: FastifyRequest) => boolean;
  readonly limits?: Partial<LiveLimits>;
}

export interface LiveLimits {
  readonly connections: number;
  /** Bytes that may wait for one watcher. */
  readonly bufferBytes: number;
  readonly heartbeatMs: number;
  /** After this a watcher has to come again, and past the guard. */
  readonly stayMs: number;
}

const defaultLimits: LiveLimits = Object.freeze({
  connections: 200,
  bufferBytes: 512 * 1024,
  heartbeatMs: 10_000,
  stayMs: 10 * 60_000,
});
/** How long a browser waits before it comes again. */
const retryMs = 2_000;

interface Watcher {
  readonly response: ServerResponse;
  readonly request: FastifyRequest;
  readonly sinceMs: number;
}

export function registerLive(app: FastifyInstance, options: LiveOptions): Live {
  const live = new Live(options);
  app.get('/live', { exposeHeadRoute: false }, async (request, reply) => live.connect(request, reply));
  app.addHook('preClose', async () => live.close());
  return live;
}

export class Live {
  readonly #options: LiveOptions;
  readonly #limits: LiveLimits;
  readonly #watchers = new Set<Watcher>();
  #shown: LiveParts = {};
  #commit = -1;
  #unwatch: (() => void) | undefined;
  #heart: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: LiveOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
  }

  get connections(): number {
    return this.#watchers.size;
  }

  connect(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    if (!(request.headers.accept ?? '').includes('text/event-stream')) {
      const message = 'This is a stream; ask with Accept: text/event-stream.';
      return sendFailure(reply, 406, 'STREAM_ONLY', message);
    }
    if (this.#closed || this.#watchers.size >= this.#limits.connections) {
      const message = 'Too many watch already; pages go on without updates.';
      return sendFailure(reply.header('retry-after', 30), 503, 'BUSY', message);
    }
    reply.hijack();
    const response = reply.raw;
    const headers = { ...reply.getHeaders(), 'cache-control': 'no-store', 'x-accel-buffering': 'no' };
    response.writeHead(200, { ...(headers as Record<string, string>), 'content-type': 'text/event-stream' });
    const watcher = { response, request, sinceMs: performance.now() };
    response.on('error', () => {}); // it is gone; `close` follows
    response.on('close', () => this.#leave(watcher));
    this.#enter(watcher);
    return reply;
  }

  /** Ends what those watch who may not stay, or have stayed for long; browsers come again, and past the guard. */
  sendAway(): void {
    const nowMs = performance.now();
    for (const { request, response, sinceMs } of this.#watchers) {
      if (nowMs - sinceMs > this.#limits.stayMs || !this.#options.mayStay(request)) response.end();
    }
  }

  close(): void {
    this.#closed = true;
    for (const { response } of this.#watchers) response.end();
    this.#rest();
  }

  #enter(watcher: Watcher): void {
    watcher.response.write(`retry: ${retryMs}\n\n`);
    if (this.#watchers.size > 0)
      watcher.response.write(messageOf({ commit: this.#commit, parts: this.#shown }));
    this.#watchers.add(watcher);
    if (this.#watchers.size > 1) return;
    this.#unwatch = this.#options.pulse.watch((beat) => this.#tell(beat));
    this.#heart = setInterval(() => this.#keepAlive(), this.#limits.heartbeatMs).unref();
  }

  #leave(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    if (this.#watchers.size === 0) this.#rest();
  }

  #rest(): void {
    this.#unwatch?.();
    clearInterval(this.#heart);
    this.#shown = {};
  }

  /** Only what looks otherwise than before. */
  #tell(beat: Beat): void {
    const parts = this.#options.render(beat);
    const changed = Object.entries(parts).filter(([name, part]) => this.#shown[name] !== part);
    const commit = beat.look.redis?.writer?.commitSequence ?? this.#commit;
    const isNews = changed.length > 0 || commit !== this.#commit || beat.noted !== undefined;
    this.#shown = parts;
    this.#commit = commit;
    if (!isNews) return;
    const point = beat.noted && { atMs: beat.noted.atMs, ...beat.noted.figures };
    this.#send(messageOf({ commit, parts: Object.fromEntries(changed), ...(point && { point }) }));
  }

  #keepAlive(): void {
    this.sendAway();
    this.#send(Buffer.from(': still here\n\n'));
  }

  #send(message: Buffer): void {
    for (const { response } of this.#watchers) {
      if (response.writableEnded) continue;
      if (response.writableLength + message.length > this.#limits.bufferBytes) response.destroy();
      else response.write(message);
    }
  }
}

function messageOf(facts: object): Buffer {
  return Buffer.from(`event: fleet\ndata: ${JSON.stringify(facts)}\n\n`);
}
