// The routes that say how the fleet is: /healthz for machines, / for people.

import type { FastifyInstance } from 'fastify';
import type { FleetProbe } from './fleet-state.ts';
import { csrfToken } from './login.ts';
import { overviewPage } from './pages/overview-page.ts';

export function registerOverview(app: FastifyInstance, probe: FleetProbe, now: () => number): void {
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
    const { person } = request;
    if (!person) throw new Error('expected the guard to let only people with a login through to /');
    const [state, counts] = await Promise.all([probe.readState(), probe.readCounts()]);
    const facts = { person, csrfToken: csrfToken(request, reply), state, counts, nowMs: now() };
    return reply.type('text/html; charset=utf-8').send(overviewPage(facts));
  });
}
