// Runs the demo's agents as processes of their own and collects what they did.

import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { CliError } from '../errors.ts';
import { shown } from '../safe-text.ts';
import type { AgentBrief, Deed } from './agent.ts';

export type AgentKind = 'frontend' | 'npu' | 'ai' | 'browser';

const agentTimeoutMs = 90_000;
const vms: Readonly<Record<AgentKind, string>> = { frontend: 'vm1', npu: 'vm2', ai: 'vm4', browser: 'vm5' };

export interface Stage {
  /** Everything that was done so far. */
  readonly deeds: readonly (Deed & { readonly vm: string; readonly pid: number })[];
  /** Sends an agent to work and waits until it is done. @throws CliError DEMO_FAILED */
  run(kind: AgentKind, task: string): Promise<void>;
}

export function openStage(
  common: Omit<AgentBrief, 'vm' | 'task' | 'known'>,
  env: NodeJS.ProcessEnv,
  stopping: AbortSignal | undefined,
): Stage {
  const deeds: (Deed & { vm: string; pid: number })[] = [];
  return {
    deeds,
    async run(kind, task) {
      const vm = vms[kind];
      const known = Object.fromEntries(
        deeds.flatMap(({ filename, fileId }) => (filename && fileId ? [[filename, fileId]] : [])),
      );
      const brief: AgentBrief = { ...common, vm, task, known };
      const program = fileURLToPath(new URL(`./agent-${kind}.ts`, import.meta.url));
      const child = execa(process.execPath, [program, JSON.stringify(brief)], {
        env,
        extendEnv: false,
        stdin: 'ignore',
        buffer: { stdout: false },
        reject: false,
        timeout: agentTimeoutMs,
        ...(stopping ? { cancelSignal: stopping } : {}),
      });
      for await (const line of createInterface({ input: child.stdout })) {
        deeds.push({ ...(JSON.parse(line) as Deed), vm, pid: child.pid ?? 0 });
      }
      const { failed, stderr, shortMessage } = await child;
      if (!failed) return;
      const reason = stderr.trim().split('\n').slice(-4).join(' ') || shortMessage || 'no reason';
      throw new CliError(
        'DEMO_FAILED',
        'failed',
        `expected the agent on ${vm} to do its work (${kind}, ${task}), got: ${shown(reason, 600)}`,
      );
    },
  };
}
