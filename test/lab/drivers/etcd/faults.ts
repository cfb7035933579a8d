/**
 * Owns faults put between our etcd code and a real etcd: each happens once, at the next call of its kind, and must have happened
 * by the end of the test.
 */
import assert from 'node:assert/strict';
import type { IWatchResponse } from 'etcd3';
import type { Rpc } from '../../../../drivers/etcd/rpc.ts';
import { etcdFailure } from '../../../../drivers/etcd-common/errors.ts';

type Method = 'range' | 'txn' | 'leaseGrant' | 'leaseRevoke' | 'leaseTimeToLive' | 'leaseKeepAlive';
type Answer<M extends Method> = Awaited<ReturnType<Rpc[M]>>;

/** As gRPC and etcd word them (failure-rules.ts). */
export const UNAVAILABLE = '14 UNAVAILABLE: read ECONNRESET';
export const DEADLINE = '4 DEADLINE_EXCEEDED: Deadline exceeded after 5.001s';
export const NO_LEADER = '14 UNAVAILABLE: etcdserver: no leader';
export const COMPACTED = '11 OUT_OF_RANGE: etcdserver: mvcc: required revision has been compacted';
export const NO_SPACE = '8 RESOURCE_EXHAUSTED: etcdserver: mvcc: database space exceeded';

const failure = (text: string) =>
  etcdFailure(new Error(text), { endpoint: 'http://injected', prefix: '/p', username: '', ca: false, cert: false });

interface Fault {
  method: Method | 'watch';
  what: string;
  /** Around the real call. */
  around?: (real: () => Promise<unknown>) => Promise<unknown>;
  /** For a watch: may change, split or swallow a response, or end the watch. True: the fault has happened. */
  onResponse?: (
    response: IWatchResponse,
    pass: (response: IWatchResponse) => void,
    cut: (text: string) => void,
  ) => boolean;
}

export class Faults {
  readonly rpc: Rpc;
  readonly #pending: Fault[] = [];

  constructor(real: Rpc) {
    const wrap =
      <M extends Method>(method: M) =>
      (...args: unknown[]) => {
        const call = () => (real[method] as (...all: unknown[]) => Promise<unknown>)(...args);
        return (this.#take(method)?.around ?? ((next) => next()))(call) as ReturnType<Rpc[M]>;
      };
    this.rpc = {
      range: wrap('range'),
      txn: wrap('txn'),
      leaseGrant: wrap('leaseGrant'),
      leaseRevoke: wrap('leaseRevoke'),
      leaseTimeToLive: wrap('leaseTimeToLive'),
      leaseKeepAlive: wrap('leaseKeepAlive'),
      watch: (request, listener) => {
        let fault = this.#pending.find(({ method }) => method === 'watch');
        const stop = real.watch(request, {
          end: (end) => listener.end(end),
          response: (response) => {
            const cut = (text: string) => {
              stop();
              listener.end(failure(text));
            };
            if (!fault?.onResponse) return listener.response(response);
            if (!fault.onResponse(response, (passed) => listener.response(passed), cut)) return;
            this.#pending.splice(this.#pending.indexOf(fault), 1);
            fault = undefined;
          },
        });
        return stop;
      },
      reconnect: () => real.reconnect(),
      close: () => real.close(),
    };
  }

  #take(method: Method): Fault | undefined {
    const index = this.#pending.findIndex((fault) => fault.method === method);
    return index < 0 ? undefined : this.#pending.splice(index, 1)[0];
  }

  #add(fault: Fault): void {
    this.#pending.push(fault);
  }

  /** The request doesn't arrive. */
  refuse(method: Method, text: string): void {
    this.#add({ method, what: `refuse ${method}`, around: () => Promise.reject(failure(text)) });
  }

  /** The request is done, its answer is lost. */
  loseAnswer(method: Method, text: string): void {
    this.#add({
      method,
      what: `lose the answer of ${method}`,
      around: async (real) => {
        await real();
        throw failure(text);
      },
    });
  }

  /** Something else happens just before. */
  before(method: Method, act: () => Promise<unknown>): void {
    this.#add({ method, what: `act before ${method}`, around: (real) => act().then(real) });
  }

  /** The answer is another one. */
  answer<M extends Method>(method: M, change: (answer: Answer<M>) => Answer<M>): void {
    this.#add({
      method,
      what: `change the answer of ${method}`,
      around: async (real) => change((await real()) as Answer<M>),
    });
  }

  /** The stream breaks when the first response with events comes; of its events, the first `keep` come through as a fragment. */
  cutWatch(text: string, keep = 0): void {
    this.#add({
      method: 'watch',
      what: 'cut the watch',
      onResponse: (response, pass, cut) => {
        if (response.events.length === 0) {
          pass(response);
          return false;
        }
        if (keep > 0) pass({ ...response, fragment: true, events: response.events.slice(0, keep) });
        cut(text);
        return true;
      },
    });
  }

  /** The first response with several events comes in one fragment for each, and with a progress notification before. */
  fragmentWatch(): void {
    this.#add({
      method: 'watch',
      what: 'fragment the watch',
      onResponse: (response, pass) => {
        const { events } = response;
        if (events.length < 2) {
          pass(response);
          return false;
        }
        pass({ ...response, events: [] });
        for (const [i, event] of events.entries())
          pass({ ...response, fragment: i < events.length - 1, events: [event] });
        return true;
      },
    });
  }

  assertConsumed(): void {
    assert.deepEqual(
      this.#pending.map(({ what }) => what),
      [],
      'every fault has happened',
    );
  }
}
