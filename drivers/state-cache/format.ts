/**
 * Owns the text of the last good copy: one JSON document on two lines, the head and the state.
 *
 *   {"version":1,"prefix":"/coreos.com/network", … ,"stateSha256":"…","headSha256":"…","state":
 *   {"config":{…},"leases":[…],"expiresAt":{…}}}
 *
 * - Head and state have a checksum each: what is damaged or was edited by hand is not used.
 * - The head is a line of its own so that it can be read, and trusted, without the rest.
 */

import { createHash } from 'node:crypto';
import * as z from 'zod';
import { byText } from '../../config/by-text.ts';
import type { CopyHead, Past, StateCopy } from '../../reconciler/contracts/state-copy.ts';

const VERSION = 1;
const DAMAGED = 'is damaged: its checksum is not that of its content';

const head = z.strictObject({
  version: z.literal(VERSION),
  prefix: z.string(),
  kind: z.enum(['etcd-v3', 'etcd-v2', 'file', 'cache']),
  clusterId: z.string(),
  revision: z.number(),
  heardAt: z.number(),
  network: z.string(),
  earlierNetworks: z.array(z.string()).readonly().optional(),
  left: z.record(z.string(), z.number()).optional(),
  own: z.object({ subnet: z.string(), nic: z.string() }).optional(),
  stateSha256: z.string(),
  headSha256: z.string(),
  /** The rest is on the next line. */
  state: z.null(),
});

const record = z.object({
  key: z.string(),
  value: z.string(),
  modRevision: z.number(),
  createRevision: z.number(),
  leaseId: z.string(),
});

const state = z.object({
  config: record.optional(),
  leases: z.array(record),
  /** ms since epoch, by key. */
  expiresAt: z.record(z.string(), z.number()).optional(),
});

type WrittenHead = Omit<z.output<typeof head>, 'state'>;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const plainHead = ({ prefix, kind, clusterId, revision, heardAt, network, ...past }: CopyHead): CopyHead => ({
  prefix,
  kind,
  clusterId,
  revision,
  heardAt,
  network,
  ...pastOf(past),
});

/** Without what says nothing. */
export const pastOf = ({ earlierNetworks, left, own }: Past): Past => ({
  ...(earlierNetworks?.length ? { earlierNetworks } : {}),
  ...(left && Object.keys(left).length ? { left } : {}),
  ...(own ? { own: { subnet: own.subnet, nic: own.nic } } : {}),
});

/** The head's own checksum in it, over all the rest of it. */
function sealedHead(of: CopyHead, stateSha256: string): WrittenHead {
  const open = { version: VERSION, ...plainHead(of), stateSha256 } as const;
  return { ...open, headSha256: sha256(JSON.stringify(open)) };
}

/** The second line, without its end: equal states have equal texts. */
function stateText({ snapshot }: StateCopy): string {
  const byKey = (a: { key: string }, b: { key: string }): number => (a.key < b.key ? -1 : 1);
  const expiresAt = snapshot.expiresAt?.size
    ? Object.fromEntries([...snapshot.expiresAt].sort(([a], [b]) => byText(a, b)))
    : undefined;
  return JSON.stringify({ config: snapshot.config, leases: snapshot.leases.toSorted(byKey), expiresAt });
}

export const checksumOf = (copy: StateCopy): string => sha256(stateText(copy));

export function formatCopy(copy: StateCopy): string {
  const text = stateText(copy);
  return `${JSON.stringify(sealedHead(copy.head, sha256(text))).slice(0, -1)},"state":\n${text}}\n`;
}

/** The first line. @throws Error that says what is wrong with it: "is …" */
export function parseHead(line: string): WrittenHead {
  let json: unknown;
  try {
    json = JSON.parse(`${line}null}`);
  } catch (cause) {
    throw new Error('is no copy that selvage has written', { cause });
  }
  const version = (json as { version?: unknown } | null)?.version;
  if (typeof version === 'number' && version !== VERSION) {
    throw new Error(`is of version ${version}, which this selvage can't read`);
  }
  const parsed = head.safeParse(json);
  if (!parsed.success) throw new Error('is no copy that selvage has written', { cause: parsed.error });
  const { stateSha256, headSha256 } = parsed.data;
  if (sealedHead(parsed.data, stateSha256).headSha256 !== headSha256) throw new Error(DAMAGED);
  return parsed.data;
}

/** The whole file. @throws Error that says what is wrong with it: "is …" */
export function parseCopy(text: string): StateCopy {
  const end = text.indexOf('\n');
  const of = parseHead(text.slice(0, Math.max(0, end)));
  const body = text.slice(end + 1).replace(/\}\n?$/, '');
  if (sha256(body) !== of.stateSha256) throw new Error(DAMAGED);
  const { config, leases, expiresAt } = state.parse(JSON.parse(body));
  return {
    head: plainHead(of),
    snapshot: {
      clusterId: of.clusterId,
      revision: of.revision,
      config,
      leases,
      ...(expiresAt ? { expiresAt: new Map(Object.entries(expiresAt)) } : {}),
    },
  };
}
