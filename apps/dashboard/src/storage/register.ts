// The routes of the storage: its page, and who did what. The survey runs in the background while somebody looks.

import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { PageParts } from '../page-parts.ts';
import { pageScope } from '../page-scope.ts';
import { frameOf, sendPage } from '../pages/frame.ts';
import { readAudit } from './audit-list.ts';
import { type AuditQuery, auditPage } from './audit-page.ts';
import { BackupLook, readStorage } from './facts.ts';
import { growthSpans, storagePage } from './storage-page.ts';
import { Survey } from './survey.ts';

const entriesShown = 50;
/** How long the first viewer waits for the survey of a store that is small, in milliseconds. */
const firstSurveyMs = 150;

export function registerStorage(app: FastifyInstance, { door, redis, emit, now, config }: PageParts): void {
  const backups = new BackupLook(config.backupDir ?? join(config.dataDir, 'backups'), now);
  const survey = new Survey({
    reader: () => door.reader(),
    now,
    onFailed: (reason) => emit('request.failed', { method: '', route: '/storage', reason }),
  });
  app.addHook('preClose', async () => survey.close());

  pageScope(app, emit, {}, (scope) => {
    scope.get('/storage', async (request, reply) => {
      const reader = door.reader();
      if (!survey.ask()) await Promise.race([survey.settled(), patience(firstSurveyMs)]);
      const nowMs = now();
      const parts = { backups, redis, shard: config.shard, nowMs };
      const facts = await readStorage(reader, survey.ask(), parts);
      const { span: asked } = request.query as { span?: unknown };
      const span = growthSpans.find((each) => each === asked) ?? 'week';
      return sendPage(reply, storagePage({ ...frameOf(request, reply), ...facts, span, nowMs }));
    });

    scope.get('/storage/audit', async (request, reply) => {
      const { cursor, ...query } = readQuery(request.query as Readonly<Record<string, unknown>>);
      const filter = {
        ...(query.about === 'fleet' && { about: query.about }),
        ...(query.actor !== '' && { actor: query.actor }),
        ...(query.action !== '' && { action: query.action }),
        ...(cursor !== '' && { cursor }),
      };
      const found = await readAudit(door.reader(), { ...filter, limit: entriesShown });
      return sendPage(reply, auditPage({ ...frameOf(request, reply), ...found, query }));
    });
  });
}

function readQuery(query: Readonly<Record<string, unknown>>): AuditQuery & { cursor: string } {
  const text = (name: string) => (typeof query[name] === 'string' ? query[name].trim() : '');
  const about = text('about') === 'all' ? 'all' : 'fleet';
  return { about, actor: text('actor'), action: text('action'), cursor: text('cursor') };
}

const patience = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
