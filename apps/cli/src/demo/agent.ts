// What every agent of the demo is: a process of its own on its VM, with a client, a folder of real files, and one line of JSON
// on stdout for each thing it did. The demo reads these lines and checks them against the store.

import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Client, createClient } from '@filefleet/client';

/** What the demo tells an agent, as JSON in its first argument. */
export interface AgentBrief {
  readonly redisUrl: string;
  readonly shard: number;
  readonly vm: string;
  /** Where the agent keeps what it made: the demo compares with it later. */
  readonly folder: string;
  /** What this visit is for; agents with one kind of work ignore it. */
  readonly task: string;
  /** The conversation that the day is about, and another one. */
  readonly session: string;
  readonly otherSession: string;
  /** Ids of files that earlier agents stored, by file name. */
  readonly known: Readonly<Record<string, string>>;
}

/** One thing that an agent did. */
export interface Deed {
  readonly did: 'store' | 'delete' | 'restore' | 'end';
  readonly sessionId: string;
  readonly fileId?: string;
  readonly filename?: string;
  /** Path of the agent's own copy. */
  readonly copy?: string;
  readonly digest?: string;
  readonly deduplicated?: boolean;
  readonly metadata?: Readonly<Record<string, string>>;
  /** How something was made, when that depends on the machine. */
  readonly how?: string;
}

export interface StoreOptions {
  readonly sessionId: string;
  readonly filename: string;
  readonly bytes: Uint8Array;
  readonly mimeType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly messageId?: string;
  readonly associationType?: 'upload' | 'generated';
  readonly how?: string;
}

export interface Agent {
  readonly brief: AgentBrief;
  readonly client: Client;
  /** Keeps a copy, stores the bytes, waits for the receipt, tells. */
  store(options: StoreOptions): Promise<string>;
  tell(deed: Deed): void;
}

/** Runs an agent's work in this process. */
export async function runAgent(work: (agent: Agent) => Promise<void>): Promise<void> {
  const brief = JSON.parse(process.argv[2] ?? '{}') as AgentBrief;
  const { redisUrl: redis, vm, shard } = brief;
  const client = await createClient({ redis, vm, shard, actor: `demo-${vm}` });
  const tell = (deed: Deed) => void process.stdout.write(`${JSON.stringify(deed)}\n`);
  try {
    await work({ brief, client, tell, store: (options) => store(client, brief, tell, options) });
  } finally {
    await client.close();
  }
}

async function store(
  client: Client,
  { folder, vm }: AgentBrief,
  tell: (deed: Deed) => void,
  { bytes, how, ...request }: StoreOptions,
): Promise<string> {
  const copy = join(folder, `${vm}-${request.sessionId}-${request.filename}`);
  await writeFile(copy, bytes);
  const receipt = await client.store({ ...request, content: { path: copy } });
  const digest = createHash('sha256').update(bytes).digest('hex');
  if (receipt.digest !== digest || receipt.fileId === undefined) {
    throw new Error(`expected the receipt of ${request.filename} to name ${digest}, got ${receipt.digest}`);
  }
  tell({
    did: 'store',
    sessionId: request.sessionId,
    fileId: receipt.fileId,
    filename: request.filename,
    copy,
    digest,
    deduplicated: receipt.deduplicated === true,
    ...(request.metadata ? { metadata: request.metadata } : {}),
    ...(how ? { how } : {}),
  });
  return receipt.fileId;
}
