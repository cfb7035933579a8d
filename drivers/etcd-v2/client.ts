/**
 * Owns the choice of the endpoint for the v2 API, by the same rules as for v3 (drivers/etcd/client.ts): all calls go to one member until
 * it fails; a read is asked of each once; a write is sent again only if it surely did not arrive.
 */
import { type EtcdFailure, elsewhere, together } from '../etcd-common/errors.ts';
import {
  checkEndpoints,
  DEFAULT_TUNING,
  type EtcdOptions,
  readCredentials,
  type Tuning,
} from '../etcd-common/options.ts';
import { type Answer, type Exchange, Member } from './http.ts';
import { type Reply, readReply } from './protocol.ts';

export interface ReadOptions {
  signal?: AbortSignal;
  deadlineMs?: number;
}

export class V2Client {
  readonly tuning: Tuning;
  private readonly members: readonly Member[];
  private current: number;

  /** @throws StoreError invalid */
  constructor(options: EtcdOptions) {
    checkEndpoints(options.endpoints);
    if (options.endpoints.some((endpoint) => endpoint.startsWith('https:'))) readCredentials(options);
    this.tuning = { ...DEFAULT_TUNING, ...options.tuning };
    this.members = options.endpoints.map((url) => new Member(url, options));
    this.current = this.tuning.first(this.members.length);
  }

  /** The one that calls go to. */
  get here(): Member {
    return this.members[this.current]!;
  }

  leave(member: Member, failure: EtcdFailure): void {
    if (member === this.here && elsewhere(failure)) this.current = (this.current + 1) % this.members.length;
  }

  /** `path` begins with the key: "/coreos.com/network/?recursive=true". */
  get(path: string, options: ReadOptions = {}): Promise<Reply> {
    return this.ask(
      'read',
      async (member, deadlineMs) => {
        const answer = await member.exchange({
          method: 'GET',
          path: keysUrl(path),
          deadlineMs,
          signal: options.signal,
        });
        return readReply(answer, (error) => member.failure(error));
      },
      options.deadlineMs,
    );
  }

  put(path: string, form: Record<string, string>): Promise<Reply> {
    return this.ask('write', async (member, deadlineMs) => {
      const answer = await member.exchange({ method: 'PUT', path: keysUrl(path), form, deadlineMs });
      return readReply(answer, (error) => member.failure(error));
    });
  }

  /** Any other resource of any member: "/version". */
  raw(path: string, deadlineMs?: number): Promise<Answer> {
    return this.ask('read', (member, ms) => member.exchange({ method: 'GET', path, deadlineMs: ms }), deadlineMs);
  }

  /** A watch stays where it was opened. @throws EtcdFailure */
  async poll(member: Member, path: string, call: Pick<Exchange, 'signal' | 'onHeaders'>): Promise<Reply | undefined> {
    const { deadlineMs } = this.tuning;
    const answer = await member.exchange({ method: 'GET', path: keysUrl(path), deadlineMs, longPoll: true, ...call });
    // etcd ends a poll without an event when it stops.
    return answer.body.trim() === '' ? undefined : readReply(answer, (error) => member.failure(error));
  }

  close(): void {
    for (const member of this.members) member.close();
  }

  private async ask<T>(
    how: 'read' | 'write',
    send: (member: Member, deadlineMs: number) => Promise<T>,
    wait = this.tuning.deadlineMs,
  ): Promise<T> {
    const failures: EtcdFailure[] = [];
    for (;;) {
      const member = this.here;
      const isLast = failures.length === this.members.length - 1;
      try {
        return await send(member, how === 'read' && !isLast ? Math.min(wait, this.tuning.failoverMs) : wait);
      } catch (error) {
        const failure = member.failure(error);
        this.leave(member, failure);
        failures.push(failure);
        const again = elsewhere(failure) && (how === 'read' || failure.unsent);
        if (!again || isLast) throw together(failures);
      }
    }
  }
}

const keysUrl = (path: string): string => `/v2/keys${path}`;
