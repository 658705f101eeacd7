// Bull Board, mounted twice over the same queue: `/queues` where every action is refused by Bull Board itself, and
// `/queues/manage` for roles that may act. The guard decides before either sees a request.

import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import { visibleText } from '@filefleet/protocol';
import type { Queue } from 'bullmq';
import type { FastifyInstance } from 'fastify';
import type { Redis } from 'ioredis';
import { boards } from './access.ts';
import { assetUrl } from './assets.ts';
import type { Emit } from './events.ts';
import { boardPolicy } from './headers.ts';
import { visible } from './visible.ts';

/** Bull Board's page links fonts of a third party. Ours loads nothing from elsewhere. */
const foreignLink = /<link\b[^>]*\bhref="https?:[^>]*>/g;

export async function registerBoards(
  app: FastifyInstance,
  { queue, redis, emit }: { queue: Queue; redis: Redis; emit: Emit },
): Promise<void> {
  for (const [mode, path] of Object.entries(boards)) {
    await app.register(async (scope) => {
      scope.addHook('onRequest', async (request, reply) => {
        reply.header('content-security-policy', boardPolicy);
        const asksRedis = request.routeOptions.url?.startsWith(`${path}/api/`);
        if (asksRedis && redis.status !== 'ready') {
          return reply.code(503).send(boardError('REDIS_UNAVAILABLE', redisAway));
        }
      });
      scope.addHook('onSend', async (_request, reply, payload) =>
        typeof payload === 'string' && String(reply.getHeader('content-type')).startsWith('text/html')
          ? payload.replaceAll(foreignLink, '')
          : payload,
      );
      await scope.register(makeBoard(queue, path, mode === 'read', emit), { prefix: path });
    });
  }
}

function makeBoard(queue: Queue, path: string, readOnlyMode: boolean, emit: Emit) {
  const icon = assetUrl('icon.svg');
  const serverAdapter = new FastifyAdapter().setBasePath(path);
  // A completed operation has its receipt; asking again would only repeat it.
  const adapterOptions = { readOnlyMode, allowRetries: !readOnlyMode, allowCompletedRetries: false };
  const adapter = new BullMQAdapter(queue, adapterOptions);
  // Names in jobs come from anybody: they must not turn the reading direction around on the page of an operator.
  for (const field of ['data', 'returnValue', 'progress'] as const) adapter.setFormatter(field, visible);
  adapter.setFormatter('name', ({ name }) => visibleText(String(name ?? '')));
  createBullBoard({
    queues: [adapter],
    serverAdapter,
    options: {
      uiConfig: {
        boardTitle: readOnlyMode ? 'filefleet (look)' : 'filefleet (manage)',
        favIcon: { default: icon, alternative: icon },
        boardLogo: { path: icon, width: 28, height: 28 },
        miscLinks: [{ text: 'Back to the fleet', url: '/' }],
        hideDocsLink: true,
      },
    },
  });
  serverAdapter.setErrorHandler((error: Error & { statusCode?: number }) => {
    if (error.statusCode !== undefined && error.statusCode < 500) {
      return { status: error.statusCode as 400, body: boardError('REQUEST_INVALID', error.message) };
    }
    emit('request.failed', { method: '', route: path, reason: error.message });
    return { status: 503 as 500, body: boardError('REDIS_UNAVAILABLE', redisAway) };
  });
  return serverAdapter.registerPlugin();
}

const redisAway = 'Redis did not answer; the page tries again by itself.';

/** Bull Board's page shows `message`; `key` is what it translates, `code` is ours. */
function boardError(code: string, message: string) {
  return { error: { key: 'ERRORS.INTERNAL_SERVER_ERROR', code }, message };
}
