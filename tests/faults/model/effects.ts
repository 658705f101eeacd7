// What each operation does to the model, one after the other.

import type { PlanRequest } from '@filefleet/protocol';
import {
  type Asked,
  bringBack,
  deleteSoftly,
  end,
  filesOf,
  type Model,
  type ModelFile,
  type Outcome,
  purge,
  touch,
} from './model.ts';

const care = new Set(['session-end', 'session-cleanup', 'session-hold', 'plan-make', 'plan-apply']);

/** Applies one operation. */
export function applyAsked(model: Model, asked: Asked, nowMs: number): Outcome {
  const outcome = effects[asked.name]?.(model, asked, nowMs) ?? 'refused';
  const { sessionId } = asked.fields;
  if (outcome === 'applied' && sessionId !== undefined && !care.has(asked.name))
    touch(model, sessionId, nowMs);
  return outcome;
}

type Effect = (model: Model, asked: Asked, nowMs: number) => Outcome;

/** An effect on an active file of the session. */
const onActive =
  (change: (file: ModelFile, asked: Asked, model: Model, nowMs: number) => void): Effect =>
  (model, asked, nowMs) => {
    const file = fileOf(model, asked);
    if (!file || file.deletedAtMs !== null) return 'refused';
    change(file, asked, model, nowMs);
    return 'applied';
  };

const effects: Record<string, Effect> = {
  'file-store': (model, { fields, operationId, vm, withBytes }, nowMs) => {
    const digest = String(fields.digest);
    const held = model.contents.get(digest);
    if (!held || held.isDamaged) {
      if (!withBytes) return 'resend';
      model.contents.set(digest, { isDamaged: false, sinceMs: null });
    }
    addFile(model, {
      fileId: operationId,
      sessionId: String(fields.sessionId),
      filename: String(fields.filename),
      digest,
      vm,
      origin: null,
      metadata: new Map(Object.entries((fields.metadata ?? {}) as Record<string, string>)),
      associations: [{ type: 'upload', messageId: (fields.messageId as string | undefined) ?? null }],
      deletedAtMs: null,
      uploadedAtMs: nowMs,
      version: 1,
    });
    return 'applied';
  },
  'file-rename': onActive((file, { fields }) => {
    file.filename = String(fields.filename);
    file.version += 1;
  }),
  'file-annotate': onActive((file, { fields }) => {
    for (const [key, value] of Object.entries(fields.metadata as Record<string, string | null>))
      if (value === null) file.metadata.delete(key);
      else file.metadata.set(key, value);
  }),
  'file-link': onActive((file, { fields, operationId, vm }, model, nowMs) => {
    const messageId = (fields.messageId as string | undefined) ?? null;
    const to = String(fields.toSessionId ?? file.sessionId);
    const association = { type: 'reference', messageId };
    if (to !== file.sessionId) addCopy(model, file, { fileId: operationId, to, vm, association, nowMs });
    else if (!file.associations.some((one) => one.messageId === messageId))
      file.associations.push(association);
  }),
  'file-copy': onActive((file, { fields, operationId, vm }, model, nowMs) => {
    const to = String(fields.toSessionId ?? file.sessionId);
    const association = { type: 'reference', messageId: null };
    addCopy(model, file, { fileId: operationId, to, vm, association, nowMs });
  }),
  'file-delete': (model, asked, nowMs) => {
    const file = fileOf(model, asked);
    if (file) deleteSoftly(file, nowMs);
    return file ? 'applied' : 'refused';
  },
  'file-restore': (model, asked) => {
    const file = fileOf(model, asked);
    if (file) bringBack(file);
    return file ? 'applied' : 'refused';
  },
  'session-restore': (model, { fields }) => {
    for (const file of filesOf(model, String(fields.sessionId))) bringBack(file);
    return 'applied';
  },
  'file-purge': (model, asked) => {
    const file = fileOf(model, asked);
    if (!file || model.sessions.get(file.sessionId)?.hold) return 'refused';
    purge(model, file);
    return 'applied';
  },
  'session-end': (model, { fields }, nowMs) => {
    const session =
      model.sessions.get(String(fields.sessionId)) ?? touch(model, String(fields.sessionId), nowMs);
    if (session.state === 'live') end(session, nowMs);
    return 'applied';
  },
  'session-cleanup': (model, { fields }, nowMs) => {
    const sessionId = String(fields.sessionId);
    if (fields.mode === 'hard' && model.sessions.get(sessionId)?.hold) return 'refused';
    for (const file of filesOf(model, sessionId))
      if (fields.mode === 'hard') purge(model, file);
      else deleteSoftly(file, nowMs);
    return 'applied';
  },
  'session-hold': (model, { fields }, nowMs) => {
    const session =
      model.sessions.get(String(fields.sessionId)) ?? touch(model, String(fields.sessionId), nowMs);
    session.hold = fields.hold === true;
    return 'applied';
  },
  'plan-make': (model, { fields, operationId }, nowMs) => {
    const request = fields.plan as PlanRequest;
    const sessionId = 'sessionId' in request ? request.sessionId : undefined;
    const isForGood = request.kind === 'purge' || (request.kind === 'cleanup' && request.mode === 'hard');
    if (isForGood && sessionId !== undefined && model.sessions.get(sessionId)?.hold) return 'refused';
    const none = { rows: 0, blobs: 0, blobBytes: 0 };
    model.plans.set(operationId, {
      planId: operationId,
      request,
      createdAtMs: nowMs,
      state: 'planning',
      files: [],
      contents: [],
      planned: { ...none, sessions: 0 },
      done: none,
    });
    return 'applied';
  },
  'plan-apply': (model, { fields }, nowMs) => {
    const plan = model.plans.get(String(fields.planId));
    if (plan?.state !== 'ready' || plan.createdAtMs + 3_600_000 <= nowMs) return 'refused';
    plan.state = 'checking';
    return 'applied';
  },
};

function fileOf(model: Model, { fields }: Asked): ModelFile | undefined {
  const file = model.files.get(String(fields.fileId));
  return file?.sessionId === fields.sessionId ? file : undefined;
}

function addFile(model: Model, file: ModelFile): void {
  model.files.set(file.fileId, file);
  const content = model.contents.get(file.digest);
  if (content) content.sinceMs = null;
}

function addCopy(
  model: Model,
  origin: ModelFile,
  copy: {
    fileId: string;
    to: string;
    vm: string;
    association: ModelFile['associations'][number];
    nowMs: number;
  },
): void {
  const { fileId, to, vm, association, nowMs } = copy;
  addFile(model, {
    ...origin,
    fileId,
    sessionId: to,
    vm,
    origin: origin.fileId,
    metadata: new Map(origin.metadata),
    associations: [association],
    uploadedAtMs: nowMs,
    version: 1,
  });
  touch(model, to, nowMs);
}
