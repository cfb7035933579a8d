/** Owns the form of the status document, for schema.ts, of what it shares with the report. Nothing loads it at run time. */
import * as z from 'zod';

const time = z.iso.datetime();
const region = z.strictObject({
  state: z.string().describe('A state of docs/state-chart.md.'),
  since: time,
  trouble: z.string().optional().describe('What is wrong with it, in a sentence.'),
});

const round = z.strictObject({
  at: time.describe('When it began.'),
  durationMs: z.number(),
  woken: z
    .array(z.enum(['start', 'store', 'host', 'schedule', 'due', 'companion', 'lease', 'failure']))
    .describe('What made it begin. due: a time that was waited for; failure: the round before it failed as a whole.'),
  scope: z.string().describe('Where it looked.'),
  result: z.enum(['nothing', 'repaired', 'unrepaired', 'failed']).describe('failed: it broke off.'),
  did: z.string().describe('What was found and done, in words; empty if that is nothing.'),
  found: z.int().describe('Differences.'),
  repaired: z.int().describe('Changes that were made and found again.'),
});

const retry = z.strictObject({
  kind: z.string(),
  key: z.string(),
  why: z.string(),
  times: z.int().describe('How often it was tried.'),
  nextAt: time.nullable().describe('null: not before what is wanted or what is there changes.'),
});

const peer = z.strictObject({
  subnet: z.string(),
  publicIP: z.string(),
  state: z
    .enum(['served', 'held', 'waiting'])
    .describe('waiting: something of it could not be made, and is tried again.'),
  lost: z.int().describe('How often its route was found lost or altered since the daemon started.'),
  lostAt: time.nullable(),
});

const lease = z.strictObject({
  subnet: z.string(),
  key: z.string(),
  permanent: z.boolean(),
  endsAt: time.nullable().describe('null for a permanent one, and where another renews it.'),
  secondsLeft: z.number().nullable(),
  renewAt: time.nullable(),
});

/** All but what it shares with the report. */
export const statusFields = {
  version: z
    .literal(1)
    .describe('Changes when a field changes its meaning or goes away; adding one does not change it.'),
  at: time,
  line: z.string().describe('How it is, as systemctl status shows it.'),
  inSync: z.boolean(),
  selvage: z.strictObject({ version: z.string(), pid: z.int(), since: time, prefix: z.string() }),
  regions: z.strictObject({ store: region, lease: region, work: region }),
  lease: lease.nullable(),
  retries: z.array(retry),
  counts: z
    .strictObject({ rounds: z.int(), failed: z.int(), found: z.int(), repaired: z.int(), routesLost: z.int() })
    .describe('Since the daemon started.'),
  rounds: z.array(round).describe('The last 100, newest first.'),
  peers: z.array(peer).describe('All but this host.'),
};
