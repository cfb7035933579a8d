/** Owns the calls that we make to etcd v2, each to the endpoint that is in use (etcd-common/endpoints.ts), with how it may be repeated. */
import { Endpoints } from '../etcd-common/endpoints.ts';
import type { EtcdFailure } from '../etcd-common/errors.ts';
import type { EtcdOptions, Tuning } from '../etcd-common/options.ts';
import { type Answer, type Exchange, Member } from './http.ts';
import { type Reply, readReply } from './protocol.ts';

export interface ReadOptions {
  signal?: AbortSignal;
  deadlineMs?: number;
}

export class V2Client {
  readonly #members: Endpoints<Member>;

  /** @throws StoreError invalid */
  constructor(options: EtcdOptions) {
    this.#members = new Endpoints(options, (url) => new Member(url, options));
  }

  get tuning(): Tuning {
    return this.#members.tuning;
  }

  /** The one that calls go to. */
  get here(): Member {
    return this.#members.here;
  }

  leave(member: Member, failure: EtcdFailure): void {
    this.#members.leave(member, failure);
  }

  /** `path` begins with the key: "/coreos.com/network/?recursive=true". */
  get(path: string, options: ReadOptions = {}): Promise<Reply> {
    return this.#members.ask(
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
    return this.#members.ask('write', async (member, deadlineMs) => {
      const answer = await member.exchange({ method: 'PUT', path: keysUrl(path), form, deadlineMs });
      return readReply(answer, (error) => member.failure(error));
    });
  }

  /** Any other resource of any member: "/version". */
  raw(path: string, deadlineMs?: number): Promise<Answer> {
    return this.#members.ask(
      'read',
      (member, ms) => member.exchange({ method: 'GET', path, deadlineMs: ms }),
      deadlineMs,
    );
  }

  /** A watch stays where it was opened. @throws EtcdFailure */
  async poll(member: Member, path: string, call: Pick<Exchange, 'signal' | 'onHeaders'>): Promise<Reply | undefined> {
    const { deadlineMs } = this.tuning;
    const answer = await member.exchange({ method: 'GET', path: keysUrl(path), deadlineMs, longPoll: true, ...call });
    // etcd ends a poll without an event when it stops.
    return answer.body.trim() === '' ? undefined : readReply(answer, (error) => member.failure(error));
  }

  close(): void {
    this.#members.close();
  }
}

const keysUrl = (path: string): string => `/v2/keys${path}`;
