// The writer dies, fails or dawdles at every named step of its pipeline, with a mixed load under way. Whatever it was
// doing, its successor brings everything to its end, and the oracle finds nothing.

import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { casesOf } from '../../support/full-forms.ts';
import type { WriterProcess } from '../../support/writer.ts';
import { storeOf } from '../load/calls.ts';
import type { Rig } from '../rig/rig.ts';
import { useRig } from '../rig/use-rig.ts';
import { maintenanceSteps, type Step, steps, stepsInCode } from './steps.ts';

const rig = useRig({ seed: 'failpoints', vms: ['vm1', 'vm2'] });
const failpoints = (value: string) => ({ FILEFLEET_TEST_FAILPOINTS: value });

/** Small files and changes of them, and a file too large for the database. */
function putUnderLoad(loaded: Rig): void {
  for (const vm of ['vm1', 'vm2']) {
    const producer = loaded.producer(vm);
    producer.burst(30);
    producer.make([storeOf({ sessionId: `${vm}-large`, filename: `large ${vm}.bin`, size: 100_000 })]);
    producer.burst(10);
  }
}

/** What is under way is finished by a writer without failpoints, and nothing was lost or done twice. */
async function expectSoundness(): Promise<void> {
  if (!rig().isWriting) rig().startWriter();
  await rig().writer.ready; // before that a SIGTERM ends it like any program
  const { violations } = await rig().check();
  expect(violations).toEqual([]);
}

afterEach(() => rig().stopWriter());

describe('kill', () => {
  async function reach(step: Step): Promise<WriterProcess> {
    const env = failpoints(`${step.name}=kill@${step.nth ?? 1}`);
    if (step.name.startsWith('reclaim')) {
      const before = rig().startWriter(failpoints('commit.applied=kill')); // leaves jobs to be taken back
      await before.exited;
    }
    const writer = rig().startWriter(env);
    if (step.passedAt === 'stop') {
      await writer.waitForEvent('group.committed');
      writer.signal('SIGTERM');
    }
    return writer;
  }

  // Reclaiming, bytes kept, before and after the commit, stopping.
  const telling = /^(reclaim\.after|content\.kept|commit\.(applied|done)|stop\.closing)$/;
  const killed = casesOf('tests/faults/failpoints: kills', steps, ({ name }) => telling.test(name));

  it.each(killed)('at $name loses nothing and does nothing twice', async (step) => {
    putUnderLoad(rig());
    const writer = await reach(step);
    expect(await writer.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(writer.lines.map(({ event }) => event)).toContain('writer.unsafe');
    await expectSoundness();
  });

  it('is tried at every step that the code has', () => {
    const tried = [...steps, ...maintenanceSteps].map(({ name }) => name.split(':')[0]);
    expect([...new Set(tried)].sort()).toEqual(stepsInCode());
  });
});

describe('an error that passes', () => {
  const passing = [
    { step: 'content.begun', code: 'EMFILE', says: 'content.waiting' },
    { step: 'content.written', code: 'ENOSPC', says: 'content.waiting' },
    { step: 'commit.begun', code: 'SQLITE_BUSY', says: 'group.waiting' },
    { step: 'commit.applied', code: 'ENOSPC', says: 'group.waiting' },
    { step: 'commit.applied', code: 'SQLITE_FULL', says: 'group.waiting' },
  ];
  const waited = casesOf('tests/faults/failpoints: errors that pass', passing, ({ code }) =>
    /FILE|FULL/.test(code),
  );

  it.each(waited)('$code at $step is waited out in place, visibly', async ({ step, code, says }) => {
    putUnderLoad(rig());
    const writer = rig().startWriter(failpoints(`${step}=error:${code}@1,${step}=error:${code}@2`));
    await writer.waitForEvent(says);
    await expectSoundness();
    expect(rig().writer).toBe(writer);
    expect(writer.lines.filter(({ event }) => event === says).length).toBeGreaterThanOrEqual(2);
  });
});

describe('an error after which the disk cannot be trusted', () => {
  const lasting = ['content.written', 'commit.begun', 'commit.applied'];
  const ended = casesOf(
    'tests/faults/failpoints: errors that last',
    lasting,
    (step) => step !== 'commit.begun',
  );
  it.each(ended)('at %s ends the writer with 74, and nothing of it is acknowledged', async (step) => {
    const file = storeOf({ sessionId: randomUUID(), filename: 'large.bin', size: 100_000 });
    rig().producer('vm1').make([file]);
    const writer = rig().startWriter(failpoints(`${step}=error:EIO`));
    expect(await writer.exited).toEqual({ code: 74, signal: null });
    expect(rig().endingOf(file.operationId)).toBeUndefined();
    await expectSoundness();
    expect(rig().endingOf(file.operationId)).toMatchObject({ kind: 'receipt' });
  });
});

describe('a delay', () => {
  const delayed = casesOf(
    'tests/faults/failpoints: delays',
    steps.filter(({ passedAt }) => passedAt === 'work'),
    ({ name }) => name === 'commit.applied',
  );

  it.each(delayed)('at $name changes neither order nor outcome', async ({ name }) => {
    putUnderLoad(rig());
    const writer = rig().startWriter(failpoints(`${name}=delay:300@1,${name}=delay:300@2`));
    await expectSoundness();
    expect(writer.isRunning).toBe(true);
  });
});
