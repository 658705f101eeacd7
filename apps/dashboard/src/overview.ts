// The routes that say how the fleet is: /healthz for machines, / for people.

import type { FastifyInstance } from 'fastify';
import type { PageParts } from './page-parts.ts';
import { frameOf, sendPage } from './pages/frame.ts';
import { overviewPage } from './pages/overview-page.ts';

export function registerOverview(app: FastifyInstance, { probe, now }: PageParts): void {
  // Public, so it says how the fleet is and nothing about it. 200 says that the dashboard works; the body says the rest.
  app.get('/healthz', async () => {
    const { redis, writer } = await probe.readState();
    return {
      status: redis === 'up' && writer?.alive ? 'ok' : 'degraded',
      redis,
      writer: writer && {
        alive: writer.alive,
        epoch: writer.epoch,
        phase: writer.phase,
        heartbeatAgeMs: writer.heartbeatAgeMs,
        pressure: writer.pressure,
      },
    };
  });

  app.get('/', async (request, reply) => {
    const [state, counts] = await Promise.all([probe.readState(), probe.readCounts()]);
    return sendPage(reply, overviewPage({ ...frameOf(request, reply), state, counts, nowMs: now() }));
  });
}
