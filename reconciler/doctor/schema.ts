/** Owns the form of the answer of selvage doctor for programs, from which docs/schema/doctor.json is made. Nothing loads it at run time. */
import * as z from 'zod';
import { CATEGORIES } from './check.ts';
import type { DoctorDocument } from './document.ts';

const level = z
  .enum(['ok', 'warning', 'wrong', 'unknown'])
  .describe('wrong: containers do not reach each other because of it, or something that was asked for is not so.');

export const doctorSchema = z.strictObject({
  version: z
    .literal(1)
    .describe('Changes when a field changes its meaning or goes away; adding one does not change it.'),
  at: z.iso.datetime().describe('When the host was looked at.'),
  durationMs: z.number(),
  host: z.strictObject({ hostname: z.string(), iface: z.string(), publicIP: z.string() }),
  network: z.strictObject({ network: z.string(), subnet: z.string(), backend: z.string(), mtu: z.int() }),
  probed: z
    .strictObject({ peers: z.int(), of: z.int() })
    .optional()
    .describe('Of --probe: how many peers of how many were asked.'),
  checks: z
    .array(
      z.strictObject({
        id: z.string().describe('Its paragraph in docs/troubleshooting.md.'),
        category: z.enum(CATEGORIES),
        title: z.string().describe('What is so when all is well.'),
        level: level.describe('The worst of its findings.'),
        findings: z.array(
          z.strictObject({
            level: z.enum(['warning', 'wrong', 'unknown']),
            says: z.string().describe('One sentence.'),
            cure: z.string().describe('What to do; empty where the sentence says it.'),
          }),
        ),
      }),
    )
    .describe('Those that concern this host.'),
  summary: z.strictObject({ ok: z.int(), warning: z.int(), wrong: z.int(), unknown: z.int() }),
  healthy: z.boolean().describe('No check says that something is wrong.'),
});

/** The type and its schema say the same. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
const _same: Same<z.infer<typeof doctorSchema>, DoctorDocument> = true;
void _same;
