/** Owns docs/troubleshooting.md: made from the list of checks, so that each has its paragraph, and from the two lists of what is known to go wrong. */
import { CATEGORIES } from './check.ts';
import { CHECKS } from './index.ts';
import { UNSEEN } from './unseen.ts';

/** Something that is known to go wrong: a row of one of the two lists. */
export interface Known {
  /** "doctor 5b", "pain 3" */
  row: string;
  what: string;
}

const HEAD = `# When containers don't reach each other

<!-- Made by docs/generate-troubleshooting.ts from reconciler/doctor/; edit that. -->

\`selvage doctor\` looks for what keeps containers of different hosts from reaching each other, and says what to do. It changes nothing, sends no packet to a
peer, and takes as long as a drift report. With \`--probe\` it sends packets to up to 64 peers (\`--peers all\`, \`--peers 200\`, \`--peers 10.5.8.0/24,10.5.9.0/24\`);
they need run nothing of ours, because it is their kernel that answers.

A daemon with \`--probe-interval=1s\` asks one peer a second in turn, and has in its report who is unreachable and since when (\`probes\`, and a held entry
for each). Such a daemon also tells a peer's \`doctor --probe\` whether it reaches it, so that both ways are known.

| sign | means |
|---|---|
| √ | as it should be |
| ‼ | not as it should be; it may come to harm |
| × | containers don't reach each other because of it, or something that was asked for is not so |
| – | it could not be told, and why |

The exit code is 0 if there is no ×, and 2 if there is one. \`--format json\` has all of it for programs ([schema](schema/doctor.json)); \`--all\` tells each of many findings
that are alike. Run it on both ends: what only the receiver can see is said there.

| picture | look at first |
|---|---|
| a ping from host to host over the overlay passes, from container to container it doesn't | [FORWARD](#forward), [Docker's raw rule](#docker-raw), [forwarding](#forwarding) |
| all broke when Docker was upgraded to 28 | [Docker's raw rule](#docker-raw) |
| small packets pass, large ones hang (ssh after the login, TLS in its handshake) | [path MTU](#path-mtu), [containers' MTU](#container-mtu) |
| one peer only | [MACs](#macs-once), [stale MAC](#stale-mac), [addresses](#addresses-once), [INPUT](#input) there |
| it works for minutes after a restart, then no more | [networkd](#networkd-foreign), [NetworkManager](#networkmanager), [FORWARD](#forward) |
| peers see the host's address instead of the container's | [masquerading](#masquerade) |
| only peers of another subnet of the cloud | [the cloud's check](#cloud-check), [the link](#on-link) |
| connections take 1, 3 or 63 s to come about | [checksums](#checksum) |`;

/** @throws Error that names a row for which there is neither a check nor a reason */
export function troubleshootingPage(known: readonly Known[]): string {
  const blocks = [HEAD];
  for (const category of CATEGORIES) {
    blocks.push(`## ${category[0]!.toUpperCase()}${category.slice(1)}`);
    for (const { id, title, page, cure, category: its } of CHECKS)
      if (its === category) blocks.push(`### ${id}`, `*${title}*`, page, ...(cure ? [`**What to do:** ${cure}`] : []));
  }
  const rows = known.map(({ row, what }) => `| ${what} | ${whereOf(row)} |`);
  blocks.push(
    '## Where each known cause is looked for',
    'What is known to keep containers apart ([how each is seen](reference/doctor.md)), and what users of flannel report ([with their issues](reference/flannel-in-use.md#what-users-report)).',
    ['| what | where |', '|---|---|', ...rows].join('\n'),
    '## What no host can see',
    UNSEEN.map(({ what, why }) => `- **${what}**: ${why}`).join('\n'),
  );
  return `${blocks.join('\n\n')}\n`;
}

function whereOf(row: string): string {
  const checks = CHECKS.filter(({ covers }) => covers?.includes(row)).map(({ id }) => `[${id}](#${id})`);
  if (checks.length) return checks.join(', ');
  const unseen = UNSEEN.find((one) => one.row === row);
  if (!unseen) throw new Error(`No check is about "${row}", and reconciler/doctor/unseen.ts does not say why.`);
  return `[can't be seen](#what-no-host-can-see): ${unseen.why}`;
}
