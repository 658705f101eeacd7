// /healthz for machines. Public, so it says how the fleet is and nothing about it. 200 says that the dashboard works; the
// body says the rest.

import type { FastifyInstance } from 'fastify';
import type { FleetProbe } from './fleet-state.ts';

export function registerHealth(app: FastifyInstance, probe: FleetProbe): void {
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
}
