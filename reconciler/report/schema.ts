/**
 * Owns the form of the documents that programs read, from which docs/schema/*.json is made and against which the tests check every
 * document: the report (version 1), the status, the answers of `selvage leases`, `selvage check-config` and `selvage doctor` (doctor/schema.ts).
 *
 * - Nothing loads it at run time. That it says the same as the types is checked by the compiler, at its end.
 */
import * as z from 'zod';
import type { NetworkConfigDescription } from '../../config/check-config.ts';
import type { Report } from '../contracts/report.ts';
import type { Status } from '../contracts/status.ts';
import { doctorSchema } from '../doctor/schema.ts';
import { BUILD_ORDER } from '../kinds/index.ts';
import type { FleetDocument } from './fleet.ts';
import type { LeasesDocument } from './leases.ts';
import { statusFields } from './schema-status.ts';

const kind = z
  .enum([
    ...BUILD_ORDER,
    ...(['docker', 'udp', 'cloud', 'way', 'probe'] as const),
    ...(['cloud-route', 'source-dest-check', 'cloud-host'] as const),
    ...(['lease', 'config', 'peer', 'store', 'sysctl'] as const),
  ])
  .describe(
    'What sort of thing it is: a resource of the kernel, a file, Docker, what is in a cloud, or a record of the store.',
  );
const op = z.enum(['create', 'update', 'delete']);
const key = z
  .string()
  .describe("The kernel's own identity of it, unique within its kind: of a route table|destination|tos|metric.");

const told = {
  text: z.string().describe('As ip, bridge or ls print it.'),
  peer: z
    .strictObject({ subnet: z.string(), publicIP: z.string() })
    .optional()
    .describe('The host that it is there for.'),
};

const held = z.strictObject({
  kind,
  key,
  why: z.string().describe('A few words.'),
  detail: z.string().describe('One sentence: what it is, and what to do.'),
  unmet: z.boolean().describe('Whether because of it this host lacks something, or may come to lack it unnoticed.'),
});

export const reportSchema = z.strictObject({
  version: z
    .literal(1)
    .describe('Changes when a field changes its meaning or goes away; adding one does not change it.'),
  mode: z.enum(['once', 'drift', 'run', 'leave']),
  leave: z
    .strictObject({ handBack: z.boolean(), releaseLease: z.boolean(), dryRun: z.boolean() })
    .optional()
    .describe('Of selvage leave: what was asked for.'),
  at: z.iso.datetime().describe('When the round began.'),
  durationMs: z.number(),
  host: z.strictObject({ hostname: z.string(), iface: z.string(), publicIP: z.string() }),
  source: z.strictObject({
    kind: z
      .string()
      .describe('etcd-v3, etcd-v2, file, or cache: the last good copy, because the store cannot be reached.'),
    revision: z.string(),
    complete: z.boolean().describe('False: nothing is deleted.'),
    leases: z.int(),
    ageSeconds: z.number().optional().describe('Of the last good copy: since the store was last heard from.'),
    error: z
      .strictObject({ kind: z.enum(['unavailable', 'denied', 'invalid']), message: z.string() })
      .optional()
      .describe('Why the store could not be asked.'),
  }),
  network: z.strictObject({ network: z.string(), subnet: z.string(), backend: z.string(), mtu: z.int() }),
  drift: z
    .array(
      z.strictObject({
        op,
        kind,
        key,
        ...told,
        reason: z.string(),
        by: z
          .strictObject({ name: z.string(), pid: z.int() })
          .optional()
          .describe(
            'Of what a daemon has put back: the process that had changed it, where the kernel tells (nf_tables does).',
          ),
        fields: z.array(z.string()).optional().describe('Of an update: what differs.'),
        want: z.unknown().optional().describe('As it should be; of an update only what differs.'),
        have: z.unknown().optional().describe('As it is; of an update only what differs.'),
      }),
    )
    .describe('What was found to differ, before any repair.'),
  outcomes: z
    .array(
      z.strictObject({
        kind,
        key,
        op,
        result: z.enum(['done', 'noop', 'failed', 'blocked']).describe('noop: it was already so.'),
        error: z.string().optional(),
      }),
    )
    .describe('What came of each change; none in a drift report.'),
  held: z.array(held.extend(told)).describe('What is left as it is, and why.'),
  summary: z.strictObject({ create: z.int(), update: z.int(), delete: z.int(), held: z.int(), failed: z.int() }),
  converged: z.boolean().describe('Nothing that the store wants is unmet, and every change was made and found again.'),
  docker: z
    .strictObject({
      mode: z.string(),
      engine: z.strictObject({ version: z.string(), liveRestore: z.boolean(), containers: z.number() }).nullable(),
      bridge: z
        .strictObject({ name: z.string(), address: z.string(), mtu: z.number(), ipMasq: z.boolean() })
        .nullable(),
    })
    .optional()
    .describe('What is seen of Docker. Absent where there is none, and with --docker off.'),
  udp: z
    .strictObject({
      pid: z.number(),
      since: z.string().describe('When it started.'),
      listens: z.string().describe('Address and port.'),
      peers: z.number(),
      sent: z.strictObject({ packets: z.number(), bytes: z.number() }),
      received: z.strictObject({ packets: z.number(), bytes: z.number() }),
      drops: z.record(z.string(), z.number()).describe('Packets by cause.'),
      without: z.array(z.string()).describe("Which of the kernel's offloads it does without."),
      rightsKept: z.array(z.string()).describe('What it could not give up.'),
    })
    .optional()
    .describe('The udp engine, as it was before the round. Absent where there is none.'),
  probes: z
    .strictObject({
      everyMs: z.number().describe('Between two peers.'),
      asked: z.int().describe("Peers that were asked since the daemon's start."),
      unreachable: z.array(
        z.strictObject({
          subnet: z.string(),
          publicIP: z.string(),
          lacks: z.enum(['none', 'tcp']).describe('none: nothing came back; tcp: ICMP passes and TCP does not.'),
          since: z.string(),
        }),
      ),
    })
    .optional()
    .describe('What packets to peers have shown (--probe-interval). Absent where none are sent.'),
});

const { host, network, source } = reportSchema.shape;

export const statusSchema = z.strictObject({
  ...statusFields,
  host,
  network,
  held: reportSchema.shape.held,
  store: source.extend({ where: z.string() }),
});

export const leasesSchema = z.strictObject({
  version: z.literal(1),
  source: z.strictObject({ kind: z.string(), revision: z.string() }),
  network: z.strictObject({ network: z.string(), backend: z.string(), subnetLen: z.int() }),
  leases: z.array(
    z.strictObject({
      subnet: z.string(),
      publicIP: z.string(),
      backend: z.string().describe('Empty for udp and alloc, which write none.'),
      vtepMAC: z.string().optional(),
      vni: z.int().optional(),
      timeLeft: z.number().nullable().describe('Seconds; null for a permanent one (a reservation).'),
      key: z.string(),
      problems: z.array(z.string()).describe('Why it is not in force or cannot be used, one sentence each.'),
    }),
  ),
  held: z.array(held),
});

export const fleetSchema = z.strictObject({
  version: z.literal(1),
  source: z.strictObject({ kind: z.string(), revision: z.string() }),
  network: z.strictObject({ network: z.string(), backend: z.string() }),
  summary: z
    .strictObject({ hosts: z.int(), inSync: z.int(), notInSync: z.int(), silent: z.int(), wrong: z.int() })
    .describe('Of all hosts, also with --wrong.'),
  hosts: z.array(
    z.strictObject({
      subnet: z.string(),
      publicIP: z.string(),
      hostname: z.string().describe('Empty if it says nothing of itself.'),
      selvage: z.string().describe('Its version; empty if it says nothing of itself.'),
      state: z
        .enum(['in sync', 'not in sync', 'silent'])
        .describe('silent: it runs flanneld, a selvage without --fleet, or nothing any more.'),
      wrong: z.array(z.string()).describe('What is wrong with it or its lease, one sentence each.'),
      held: z.int(),
      unreachable: z
        .strictObject({ subnets: z.array(z.string()), count: z.int() })
        .describe('Peers that did not answer; the first few by name.'),
      docker: z.string().nullable().describe("The address of Docker's bridge."),
      heard: z.number().nullable().describe('Seconds since it gave a sign of life.'),
    }),
  ),
});

export const checkConfigSchema = z.strictObject({
  network: z.string(),
  subnetMin: z.string(),
  subnetMax: z.string(),
  subnetLen: z.int(),
  enableIPv4: z.boolean(),
  enableIPv6: z.boolean(),
  enableNFTables: z.boolean(),
  backendType: z.string().describe('As written in the config.'),
  ipv6Network: z.string().optional(),
  ipv6SubnetMin: z.string().optional(),
  ipv6SubnetMax: z.string().optional(),
  ipv6SubnetLen: z.int().optional(),
});

export const SCHEMAS = {
  report: { schema: reportSchema, title: 'The report of selvage --once, selvage drift and the daemon' },
  status: { schema: statusSchema, title: 'The answer of selvage status --format json, and of /api/status' },
  fleet: { schema: fleetSchema, title: 'The answer of selvage fleet --format json' },
  leases: { schema: leasesSchema, title: 'The answer of selvage leases --format json' },
  doctor: { schema: doctorSchema, title: 'The answer of selvage doctor --format json' },
  'check-config': { schema: checkConfigSchema, title: 'The answer of selvage check-config' },
} as const;

/** A JSON Schema (2020-12) with a line end. It takes fields that it doesn't name, as a program must: they may be added. */
export function jsonSchemaOf(name: keyof typeof SCHEMAS): string {
  const { schema, title } = SCHEMAS[name];
  const { $schema, ...rest } = z.toJSONSchema(schema, {
    io: 'input',
    override: ({ jsonSchema }) => void delete jsonSchema.additionalProperties,
  });
  return `${JSON.stringify({ $schema, title, ...rest }, null, 2)}\n`;
}

/** Each type and its schema say the same. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
const _same: [
  Same<z.infer<typeof reportSchema>, Report>,
  Same<z.infer<typeof statusSchema>, Status>,
  Same<z.infer<typeof fleetSchema>, FleetDocument>,
  Same<z.infer<typeof leasesSchema>, LeasesDocument>,
  Same<z.infer<typeof checkConfigSchema>, NetworkConfigDescription>,
] = [true, true, true, true, true];
void _same;
