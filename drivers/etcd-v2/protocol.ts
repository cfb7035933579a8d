/**
 * Owns what etcd's v2 API says: its answers as types, its error codes as failures
 * (docs/reference/flannel.md#watching, https://github.com/etcd-io/etcd/blob/release-3.3/Documentation/v2/errorcode.md).
 */
import type { EtcdFailure } from '../etcd-common/errors.ts';
import { httpAnswer } from '../etcd-common/http-answer.ts';
import type { Answer } from './http.ts';

export interface Node {
  key: string;
  value?: string;
  dir?: boolean;
  nodes?: Node[];
  modifiedIndex: number;
  createdIndex: number;
  /** Seconds; absent for a permanent key. */
  ttl?: number;
  /** RFC 3339, by the server's clock. */
  expiration?: string;
}

export interface Event {
  /** get, set, create, update, delete, expire, compareAndSwap, compareAndDelete */
  action: string;
  node: Node;
}

const NOT_FOUND = 100;
const COMPARE_FAILED = 101;
const EXISTS = 105;
export const CLEARED = 401;
/** For failure-rules.ts: what etcd 3.4 and later say without --enable-v2 is a page of "404 page not found". */
const NO_V2 = 'v2 API is off';
const NOT_FOUND_PAGE = '404 page not found';

/** An answer that etcd gave on purpose. */
export type Reply =
  | { event: Event; index: number; clusterId: string }
  | { code: number; index: number; clusterId: string };

interface ErrorBody {
  errorCode?: number;
  message?: string;
  cause?: string;
  index?: number;
}

/** Codes that a caller asked for by how it wrote. */
const EXPECTED = new Set([NOT_FOUND, COMPARE_FAILED, EXISTS, CLEARED]);

/** @throws EtcdFailure made by `fail` where etcd could or would not do it */
export function readReply(answer: Answer, fail: (error: unknown) => EtcdFailure): Reply {
  const { status, headers, body } = answer;
  const clusterId = String(headers['x-etcd-cluster-id'] ?? '');
  let json: ErrorBody & Partial<Event>;
  try {
    json = JSON.parse(body);
  } catch (cause) {
    throw fail(new Error(status === 404 && body.trim() === NOT_FOUND_PAGE ? NO_V2 : httpAnswer(answer), { cause }));
  }
  const { errorCode, message, cause, node, index: at } = json ?? {};
  const index = Number(headers['x-etcd-index'] ?? at ?? 0);
  if (errorCode !== undefined && EXPECTED.has(errorCode)) return { code: errorCode, index, clusterId };
  if (errorCode !== undefined || (status >= 400 && message !== undefined))
    throw fail(new Error(`v2 ${errorCode ?? status}: ${message} ${cause ?? ''}`.trim()));
  if (status >= 300 || !node) throw fail(new Error(httpAnswer(answer)));
  return { event: json as Event, index, clusterId };
}
