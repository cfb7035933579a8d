/** Asks each member of etcd how it is (/health, of every version) and what time it has. Never rejects. */
import type { Options } from '../../config/options.ts';
import type { Endpoint } from '../../reconciler/doctor/facts.ts';
import { Member } from '../etcd-v2/http.ts';

/** How long a member may take (ms): beside the look, which keeps this process busy for a part of it. */
const PATIENCE_MS = 3000;
/** An answer's Date is cut to whole seconds. */
const HALF_A_SECOND = 500;

export const endpointsHealth = (etcd: Options['etcd']): Promise<Endpoint[]> =>
  Promise.all(etcd.endpoints.map((url) => healthOf(url, etcd)));

async function healthOf(url: string, { username: _, password: __, ...etcd }: Options['etcd']): Promise<Endpoint> {
  const member = new Member(url, etcd);
  try {
    const asked = Date.now();
    const { status, headers, body } = await member.exchange({
      method: 'GET',
      path: '/health',
      deadlineMs: PATIENCE_MS,
    });
    const time = Date.parse(headers.date ?? '');
    const middle = (asked + Date.now()) / 2;
    const clock = Number.isNaN(time) ? {} : { clockAheadMs: time + HALF_A_SECOND - middle };
    const problem = judge(url, status, body);
    return { url, ...clock, ...(problem === undefined ? {} : { problem }) };
  } catch (error) {
    return { url, problem: `${error instanceof Error ? error.message : String(error)}`.replace(/\.?$/, '.') };
  } finally {
    member.close();
  }
}

function judge(url: string, status: number, body: string): string | undefined {
  if (status === 200 && /"health"\s*:\s*"?true/.test(body)) return undefined;
  if (status === 404) return undefined; // one that has it on another address (--listen-metrics-urls) answers all the same
  const reason = /"reason"\s*:\s*"([^"]+)"/.exec(body)?.[1];
  return `${url} says that it is not healthy${reason ? ` (${reason})` : ` (HTTP ${status})`}.`;
}
