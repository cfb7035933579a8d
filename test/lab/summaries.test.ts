/** What other hosts say of themselves (--fleet) lies in what every daemon watches: it must cost this one no round, no report and no copy. */
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Status } from '../../reconciler/contracts/status.ts';
import { eventually } from '../helpers/eventually.ts';
import { DEFAULT_CONFIG, type Lab, type LabHost, PREFIX } from '../helpers/lab.ts';
import { labWith } from '../helpers/lab-with.ts';
import { leaseKey, leaseValue, putMany } from '../helpers/leases.ts';
import { peerAt } from '../helpers/peers.ts';
import { daemonOn } from '../helpers/scenario.ts';
import { V2Writer } from '../helpers/v2-writer.ts';

/** So many in a second, for so many seconds. */
const A_SECOND = 50;
const SECONDS = 3;

let lab: Lab;
const summaryKey = (n: number): string => `${PREFIX}/selvage/10.5.${n}.0-24`;
const summary = (n: number, second: number): string => `{"version":1,"hostname":"web${n}","second":${second}}`;

const status = async (host: LabHost): Promise<Status> => {
  const { stdout, code, stderr } = await host.selvage(['status', '--format=json']);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Status;
};

/** Without since when: that is reckoned from a clock that counts on, and may differ by a millisecond. */
const statesOf = ({ regions }: Status) => Object.values(regions).map(({ state }) => state);

/** The daemon beside all of them; then one lease, which shows that it was listening all the time. */
async function besides(
  host: LabHost,
  write: (second: number) => Promise<void>,
  putLease: (key: string, value: string) => Promise<void>,
): Promise<void> {
  const daemon = await daemonOn(host);
  try {
    // Its copy is written a second after what changed last.
    await eventually(() => statSync(host.stateCache, { throwIfNoEntry: false }), { what: 'the copy', timeout: 60_000 });
    const copy = (): string => `${statSync(host.stateCache).mtimeMs} ${readFileSync(host.stateCache, 'utf8')}`;
    const before = { status: await status(host), report: await host.lastReport(), copy: copy() };
    for (let second = 0; second < SECONDS; second++) {
      const next = new Promise((resolve) => setTimeout(resolve, 1000));
      await write(second);
      await next;
    }
    const after = { status: await status(host), report: await host.lastReport(), copy: copy() };
    assert.deepEqual(after.status.rounds, before.status.rounds);
    assert.deepEqual(after.report, before.report);
    assert.equal(after.copy, before.copy);
    assert.deepEqual(statesOf(after.status), statesOf(before.status));
    const peer = peerAt(0);
    await putLease(leaseKey(PREFIX, peer.subnet), leaseValue(peer));
    const { rounds } = await eventually(
      async () => {
        const now = await status(host);
        return now.peers.length === 1 ? now : undefined;
      },
      { what: 'the lease to be heard', timeout: 60_000 },
    );
    assert.equal(rounds.length, before.status.rounds.length + 1);
    assert.deepEqual(rounds[0]?.woken, ['store']);
  } finally {
    await daemon.kill();
  }
}

describe('summaries of other hosts', () => {
  labWith({ hosts: 1 }, (made) => {
    lab = made;
  });

  it('wake no daemon', () =>
    besides(
      lab.hosts[0]!,
      (second) =>
        putMany(
          lab.underlay,
          lab.etcd.endpoint,
          Array.from({ length: A_SECOND }, (_, n) => [summaryKey(n), summary(n, second)]),
        ),
      (key, value) => lab.put(key, value),
    ));
});

describe('summaries of other hosts in etcd v2', () => {
  labWith({ hosts: 1, config: null, etcdArgs: ['--enable-v2'] }, async (made) => {
    lab = made;
    await new V2Writer(lab).set(`${PREFIX}/config`, JSON.stringify(DEFAULT_CONFIG));
  });

  it('wake no daemon', async () => {
    const writer = new V2Writer(lab);
    await besides(
      lab.hosts[0]!,
      async (second) => {
        await writer.setMany(Array.from({ length: A_SECOND }, (_, n) => [summaryKey(n), summary(n, second)]));
      },
      (key, value) => writer.set(key, value, 3600),
    );
  });
});
