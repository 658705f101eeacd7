// A producer under load, as a process: it notes each call before it makes it and each ending as soon as it knows it.
// Started by producer-process.ts, and killed at any moment.

import { type Client, ClientError, createClient } from '@filefleet/client';
import { Load } from './calls.ts';
import { bytesOf, streamOf } from './content.ts';
import { type Call, openJournal } from './journal.ts';
import type { FromProducer, ProducerOptions, ToProducer } from './messages.ts';

/** Nothing is given up for lateness: what stays unsettled is a finding. */
const deadlineMs = 3_600_000;
/** Redis may just be on its way back. */
const connectTimeoutMs = 60_000;

const options = JSON.parse(process.argv[2] ?? '') as ProducerOptions;
const journal = openJournal(options.journalPath);
const load = new Load(options);
const underWay = new Set<Promise<void>>();

const say = (message: FromProducer): void => {
  if (process.connected) process.send?.(message);
};

function make(client: Client, call: Call): void {
  journal.write({ kind: 'call', call });
  const ended = ask(client, call).then(
    (receipt) => journal.write({ kind: 'receipt', receipt }),
    (error: unknown) => noteError(call, error),
  );
  underWay.add(ended);
  void ended.then(() => underWay.delete(ended));
}

function noteError({ operationId }: Call, error: unknown): void {
  const receipt = error instanceof ClientError ? error.receipt : undefined;
  const code = error instanceof ClientError ? error.code : 'UNEXPECTED';
  if (code === 'UNEXPECTED') console.error(error);
  journal.write(receipt ? { kind: 'receipt', receipt } : { kind: 'failed', operationId, code });
}

function ask(client: Client, call: Call) {
  const {
    name,
    content,
    operationId,
    sessionId,
    fileId = '',
    filename = '',
    metadata = {},
    messageId,
  } = call;
  const same = { operationId, sessionId, fileId };
  switch (name) {
    case 'file-store': {
      const facts = content ?? { seed: '', size: 0, streamed: false };
      const bytes = facts.streamed ? streamOf(facts) : bytesOf(facts);
      const given = metadata as Record<string, string>; // a store removes nothing
      return client.store({ operationId, sessionId, filename, metadata: given, content: bytes });
    }
    case 'file-rename':
      return client.rename({ ...same, filename });
    case 'file-annotate':
      return client.annotate({ ...same, metadata });
    case 'file-delete':
      return client.delete(same);
    case 'file-restore':
      return client.restore(same);
    case 'file-purge':
      return client.purge(same);
    case 'file-copy':
      return client.copy({ ...same, filename });
    case 'file-link':
      return client.link(messageId === undefined ? same : { ...same, messageId });
    default:
      throw new Error(`expected an operation that this load makes, got ${name}`);
  }
}

function obey(client: Client, message: ToProducer): void {
  if (message.kind === 'burst') for (let n = 0; n < message.calls; n++) make(client, load.next());
  if (message.kind === 'calls') for (const call of message.calls) make(client, call);
  if (message.kind === 'drain') void drain();
}

async function drain(): Promise<void> {
  while (underWay.size > 0) await Promise.all(underWay);
  say({ kind: 'drained' });
}

const { redisUrl, vm } = options;
// Asked before the first connection: a burst may come while Redis is still away.
const early: ToProducer[] = [];
process.on('message', (message) => early.push(message as ToProducer));
const client = await createClient({
  redis: redisUrl,
  vm,
  actor: `agent-${vm}`,
  deadlineMs,
  connectTimeoutMs,
});
process.removeAllListeners('message');
for (const call of options.askAgain) make(client, call);
for (const message of early) obey(client, message);
process.on('message', (message) => obey(client, message as ToProducer));
process.once('disconnect', () => void client.close());
say({ kind: 'ready' });
