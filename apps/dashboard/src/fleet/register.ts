// The fleet's page, the stream that keeps it fresh, and the figures of its charts. One pulse looks at the fleet for all.

import { join } from 'node:path';
import type { Attention } from '@filefleet/protocol';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { History, type HistorySpan, historySpans } from '../history/history.ts';
import { FleetEye } from '../live/eye.ts';
import { Pulse } from '../live/pulse.ts';
import { type Live, type LiveLimits, type LiveParts, registerLive } from '../live/stream.ts';
import type { PageParts } from '../page-parts.ts';
import { frameOf, sendPage } from '../pages/frame.ts';
import { fleetPage } from './fleet-page.ts';
import { type FleetParts, fleetParts } from './parts.ts';

export interface FleetOptions {
  /** Whether the login of a request is still good. */
  readonly mayStay: (request: FastifyRequest) => boolean;
  /** What needs attention about the dashboard itself. */
  readonly troubles: () => readonly Attention[];
  readonly liveLimits?: Partial<LiveLimits> | undefined;
  /** How often the fleet is looked at while somebody watches, in milliseconds. */
  readonly pulseMs?: number | undefined;
}

export function registerFleet(app: FastifyInstance, parts: PageParts, options: FleetOptions): Live {
  const { redis, queue, door, emit, now, config } = parts;
  const history = new History(config.dashboardDir, emit);
  const backupDir = config.backupDir ?? join(config.dataDir, 'backups');
  const eye = new FleetEye({ redis, queue, door, config: { ...config, backupDir } });
  const onFailure = (error: unknown) =>
    emit('request.failed', { method: 'GET', route: '/live', reason: String(error) });
  const pulse = new Pulse({
    eye,
    history,
    now,
    onFailure,
    ...(options.pulseMs && { everyMs: options.pulseMs }),
  });
  const live = registerLive(app, {
    pulse,
    render: (beat) => textOf(fleetParts(beat, options.troubles())),
    mayStay: options.mayStay,
    ...(options.liveLimits && { limits: options.liveLimits }),
  });
  app.addHook('onReady', async () => {
    await history.keep();
    pulse.start();
  });
  app.addHook('preClose', async () => pulse.stop());
  app.addHook('onClose', async () => history.close());

  app.get<{ Querystring: { span?: string } }>('/', async (request, reply) => {
    const span = spanOf(request.query.span);
    const beat = await pulse.fresh();
    const facts = { parts: fleetParts(beat, options.troubles()), span, history: history.read(span, now()) };
    return sendPage(reply, fleetPage({ ...frameOf(request, reply), ...facts }));
  });

  app.get<{ Params: { span: string } }>('/history/:span', async (request, reply) => {
    reply.header('cache-control', 'no-store');
    return history.read(spanOf(request.params.span), now());
  });
  return live;
}

const textOf = (parts: FleetParts): LiveParts =>
  Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, part.toString()]));

const spanOf = (text: string | undefined): HistorySpan =>
  historySpans.find((span) => span === text) ?? 'hour';
