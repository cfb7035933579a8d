/** Which member is asked, and how often, over ways that a test plays. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Endpoints, type EtcdEndpoint } from '../../../../drivers/etcd-common/endpoints.ts';
import { type EtcdFailure, failureAt } from '../../../../drivers/etcd-common/errors.ts';

const URLS = ['http://a:2379', 'http://b:2379', 'http://c:2379'];
const REFUSED = '14 UNAVAILABLE: No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:2379';
const TIMEOUT = '4 DEADLINE_EXCEEDED: no answer';
const DENIED = 'etcdserver: permission denied';

class Way implements EtcdEndpoint {
  closed = false;
  readonly url: string;
  constructor(url: string) {
    this.url = url;
  }
  failure(error: unknown): EtcdFailure {
    return failureAt(this.url, { endpoints: URLS, prefix: '/n' }, error);
  }
  close(): void {
    this.closed = true;
  }
}

const open = (endpoints = URLS) =>
  new Endpoints(
    { endpoints, prefix: '/n', tuning: { first: () => 0, deadlineMs: 5000, failoverMs: 3000 } },
    (url) => new Way(url),
  );

/** Asks; `says`: by host name, what its call ends with; nothing: it answers. */
async function ask(ways: Endpoints<Way>, how: 'read' | 'write', says: Record<string, string>, wait?: number) {
  const asked: [string, number][] = [];
  const send = async ({ url }: Way, deadlineMs: number): Promise<string> => {
    const { hostname } = new URL(url);
    asked.push([hostname, deadlineMs]);
    const error = says[hostname];
    if (error !== undefined) throw new Error(error);
    return hostname;
  };
  const answer = await ways.ask(how, send, wait).catch((error: EtcdFailure) => error);
  return { answer, asked };
}

describe('the endpoint that is asked', () => {
  it('stays the same while it answers', async () => {
    const ways = open();
    for (const how of ['read', 'write', 'read'] as const) assert.equal((await ask(ways, how, {})).answer, 'a');
  });

  it('is the next one after a failure that another member may not have, and stays that', async () => {
    const ways = open();
    const { answer, asked } = await ask(ways, 'read', { a: REFUSED });
    assert.deepEqual(
      [answer, asked],
      [
        'b',
        [
          ['a', 3000],
          ['b', 3000],
        ],
      ],
    );
    assert.equal((await ask(ways, 'write', {})).answer, 'b');
  });

  it('of a read is each one once, the last with all the time that there is', async () => {
    const { answer, asked } = await ask(open(), 'read', { a: REFUSED, b: TIMEOUT, c: REFUSED }, 9000);
    assert.deepEqual(asked, [
      ['a', 3000],
      ['b', 3000],
      ['c', 9000],
    ]);
    assert.ok(answer instanceof Error);
    for (const url of URLS) assert.ok(answer.message.includes(url), answer.message);
  });

  it('of a write is another one only if it surely did not arrive', async () => {
    const refused = await ask(open(), 'write', { a: REFUSED });
    assert.deepEqual([refused.answer, refused.asked.length], ['b', 2]);
    const ways = open();
    const lost = await ask(ways, 'write', { a: TIMEOUT });
    assert.deepEqual(lost.asked, [['a', 5000]]);
    assert.ok(lost.answer instanceof Error);
    assert.equal((await ask(ways, 'write', {})).answer, 'b', 'but the next call goes elsewhere');
  });

  it('is no other one after an answer that all would give', async () => {
    const ways = open();
    const { asked } = await ask(ways, 'read', { a: DENIED });
    assert.deepEqual(
      asked.map(([name]) => name),
      ['a'],
    );
    assert.equal(ways.here.url, URLS[0]);
  });

  it('is left once for one failure, by however many it was seen', () => {
    const ways = open();
    const [a] = ways.all;
    const failure = a!.failure(new Error(REFUSED));
    ways.leave(a!, failure);
    ways.leave(a!, failure);
    assert.equal(ways.here.url, URLS[1]);
  });

  it('has to be a URL; closing closes all', () => {
    for (const urls of [[], ['a:2379'], ['http://a'], ['http://a:2379/path']])
      assert.throws(() => open(urls), { name: 'StoreError', kind: 'invalid' });
    const ways = open();
    ways.close();
    assert.ok(ways.all.every(({ closed }) => closed));
  });
});
