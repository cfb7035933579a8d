/** Owns the failures of the etcd driver: StoreErrors with a reason to branch on, made from whatever etcd3, gRPC or Node throws. */
import { foreign, MOST_SENTENCE } from '../../config/foreign-text.ts';
import type { StoreErrorKind } from '../../reconciler/contracts/failure.ts';
import { StoreError } from '../../reconciler/contracts/source.ts';
import { CANCELLED, RULES, type Where, type Why } from './failure-rules.ts';
import type { EtcdOptions } from './options.ts';

export type { Where, Why };
export { CANCELLED };

interface Facts {
  kind: StoreErrorKind;
  why: Why;
  /** etcd surely did not act on the request. */
  unsent: boolean;
  endpoint: string;
  /** What follows "etcd at <endpoint> " in the message. */
  said: string;
}

export class EtcdFailure extends StoreError implements Readonly<Facts> {
  readonly why: Why;
  readonly unsent: boolean;
  readonly endpoint: string;
  readonly said: string;

  constructor(facts: Facts, cause: unknown, message = `etcd at ${facts.endpoint} ${facts.said}`) {
    super(facts.kind, message, { cause });
    this.why = facts.why;
    this.unsent = facts.unsent;
    this.endpoint = facts.endpoint;
    this.said = facts.said;
  }
}

/** etcd3's, grpc-js's and Node's errors, or a text of etcd's, as a failure with a sentence. What is one already stays as it is. */
export function etcdFailure(error: unknown, where: Where): EtcdFailure {
  if (error instanceof EtcdFailure) return error;
  const { endpoint } = where;
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof StoreError)
    return new EtcdFailure({ kind: error.kind, why: 'other', unsent: true, endpoint, said: text }, error, text);
  const [rule, said] = readRules(text, where) ?? [undefined, `failed: ${plain(text)}`];
  return new EtcdFailure(
    { kind: rule?.kind ?? 'unavailable', why: rule?.why ?? 'other', unsent: rule?.unsent ?? false, endpoint, said },
    error,
  );
}

/** The first rule that matches, and what it says: in it may be words of the other side. */
function readRules(text: string, where: Where): [(typeof RULES)[number], string] | undefined {
  for (const rule of RULES) {
    const found = rule.match.exec(text);
    if (!found) continue;
    if (typeof rule.says === 'string') return [rule, [rule.says, rule.hint?.(where, found)].filter(Boolean).join(': ')];
    return [rule, [foreign(rule.says(found), MOST_ANSWER), rule.hint?.(where, found)].filter(Boolean).join(': ')];
  }
  return undefined;
}

/** The same for what a call to `endpoint` threw. */
export function failureAt(endpoint: string, options: EtcdOptions, error: unknown): EtcdFailure {
  const { prefix, username = '', caFile, certFile } = options;
  return etcdFailure(error, { endpoint, prefix, username, ca: Boolean(caFile), cert: Boolean(certFile) });
}

/** How much of an answer is quoted, in graphemes: it may be a whole page of HTML. */
const MOST_ANSWER = 300;

/** gRPC's text on one line, without its status. */
const plain = (text: string): string =>
  foreign(
    text
      .slice(0, MOST_SENTENCE)
      .replace(/^\d+ [A-Z_]+: /, '')
      .replace(/\s+/g, ' ')
      .trim(),
    MOST_ANSWER,
  );

/** Several endpoints failed one after the other: what the last one failed of, in a sentence that names them all. */
export function together(failures: readonly EtcdFailure[]): EtcdFailure {
  const last = failures.at(-1)!;
  if (failures.length === 1) return last;
  const facts = { ...last, unsent: failures.every(({ unsent }) => unsent), said: last.said, kind: last.kind };
  const message = `no endpoint of etcd could help: ${failures.map(({ endpoint, said }) => `${endpoint} ${said}`).join('; ')}`;
  return new EtcdFailure(facts, new AggregateError(failures, message), message);
}

const ELSEWHERE: ReadonlySet<Why> = new Set<Why>([
  'refused',
  'unresolved',
  'unreachable',
  'silent',
  'timeout',
  'dropped',
  'tls',
  'notEtcd',
  'noLeader',
]);

/** Might another member of the cluster do better? */
export const elsewhere = ({ why }: EtcdFailure): boolean => ELSEWHERE.has(why);
