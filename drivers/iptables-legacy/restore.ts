/**
 * Owns the writing of iptables-legacy's tables: by `iptables-legacy-restore --noflush -w`, the one way that is atomic for each table and
 * takes the lock that everybody takes (/run/xtables.lock). One process for all changes of a round.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants, realpathSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { tagOfRule } from '../../reconciler/firewall/found.ts';
import { type FirewallPart, isOurTag, partKey, type RulesPart } from '../../reconciler/firewall/part.ts';
import { indexFor } from '../../reconciler/firewall/place.ts';
import { iptablesText, type Rule, sameRule } from '../../reconciler/firewall/rule.ts';
import type { PartChange, PartOutcome } from '../firewall/part-change.ts';
import { type LegacyState, type LegacyTable, readLegacy } from './state.ts';

/** Longer than anybody holds the lock. */
const WAIT_SECONDS = '5';
const TIMEOUT_MS = 30_000;
const MORE_FOLDERS = ['/usr/sbin', '/sbin', '/usr/local/sbin'];

/** The program and its first arguments; undefined where there is none. */
export function restoreCommand(path = process.env.PATH ?? ''): string[] | undefined {
  for (const folder of [...path.split(delimiter), ...MORE_FOLDERS]) {
    const own = join(folder, 'iptables-legacy-restore');
    if (isProgram(own)) return [own, '--noflush', '-w', WAIT_SECONDS];
    // Before there were two engines it had the plain name, and no -w before 1.6.2.
    const plain = join(folder, 'iptables-restore');
    if (!isProgram(plain)) continue;
    const real = basename(realpathSync(plain));
    if (real === 'xtables-legacy-multi') return [plain, '--noflush', '-w', WAIT_SECONDS];
    if (real === 'xtables-multi') return [plain, '--noflush'];
  }
  return undefined;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** All changes at once; if that fails each alone, so that the one that can't be made fails alone. Never rejects. */
export async function restoreLegacy(changes: readonly PartChange[], netns: string | undefined): Promise<PartOutcome[]> {
  const error = await restore(changes, netns);
  if (error === undefined) return changes.map((change) => ({ change, result: 'done' }));
  if (changes.length === 1) return [failed(changes[0]!, error)];
  const outcomes: PartOutcome[] = [];
  for (const change of changes) {
    const alone = await restore([change], netns);
    outcomes.push(alone === undefined ? { change, result: 'done' } : failed(change, alone));
  }
  return outcomes;
}

interface RestoreError {
  code: string;
  message: string;
}

const failed = (change: PartChange, { code, message }: RestoreError): PartOutcome => ({
  change,
  result: 'failed',
  failure: {
    kind: code === 'ENOENT' ? 'invalid' : 'transient',
    code,
    message: `firewall ${partKey(change.want ?? change.have)}: ${message}`,
  },
});

async function restore(changes: readonly PartChange[], netns: string | undefined): Promise<RestoreError | undefined> {
  const command = restoreCommand();
  if (!command) {
    const message =
      "its tables are iptables-legacy's, and there is no iptables-legacy-restore to write them with; install the package iptables.";
    return { code: 'ENOENT', message };
  }
  const text = restoreText(changes, readLegacy(netns));
  const [program, ...args] = netns === undefined ? command : ['nsenter', `--net=${netns}`, ...command];
  return await run(program!, args, text);
}

function run(program: string, args: string[], text: string): Promise<RestoreError | undefined> {
  return new Promise((resolve) => {
    let output = '';
    const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'pipe'], timeout: TIMEOUT_MS });
    child.once('error', (error) =>
      resolve({ code: 'EAGAIN', message: `${program} could not be run: ${error.message}.` }),
    );
    // Under EMFILE a child comes without its pipes.
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (output = (output + chunk).slice(-500)));
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(text);
    child.once('close', (code, signal) => {
      if (code === 0) return resolve(undefined);
      const how = signal ? `was ended by ${signal}` : `failed with exit code ${code}`;
      const words = output.trim().replace(/\s+/g, ' ');
      resolve({ code: 'EXIT', message: `iptables-legacy-restore ${how}${words ? `: ${words}` : ''}.` });
    });
  });
}

/** What it is to read: tables in turn, each committed as a whole. */
export function restoreText(changes: readonly PartChange[], state: LegacyState): string {
  const byTable = new Map<string, string[]>();
  for (const change of changes) {
    const { table } = change.want ?? change.have;
    const lines = byTable.get(table) ?? [];
    lines.push(...linesOf(change, state));
    byTable.set(table, lines);
  }
  return [...byTable].map(([table, lines]) => `*${table}\n${lines.join('\n')}\nCOMMIT\n`).join('');
}

function linesOf(change: PartChange, state: LegacyState): string[] {
  const part = change.want ?? change.have;
  if (part.part === 'rules') return ruleLines(change, part, state);
  if (part.part !== 'chain') return [];
  // Declaring a chain that is there empties it.
  if (change.want)
    return [`:${part.chain} - [0:0]`, ...part.rules.map((rule) => `-A ${part.chain} ${iptablesText(rule)}`)];
  return [`-F ${part.chain}`, `-X ${part.chain}`];
}

function ruleLines(change: PartChange, part: RulesPart, state: LegacyState): string[] {
  const rules = state.tables.get(part.table as LegacyTable)?.get(part.chain)?.rules ?? [];
  const isOurs = (rule: Rule): boolean =>
    isOurTag(part.tag) ? tagOfRule(rule) === part.tag : isListed(change.have, rule) || isListed(change.want, rule);
  const lines = rules.filter(isOurs).map((rule) => `-D ${part.chain} ${iptablesText(rule)}`);
  if (change.want?.part !== 'rules') return lines;
  const others = rules.filter((rule) => !isOurs(rule));
  const at = indexFor(others, change.want.place) + 1;
  const wanted = change.want.rules.map((rule, i) => `-I ${part.chain} ${at + i} ${iptablesText(rule)}`);
  return [...lines, ...wanted];
}

const isListed = (part: FirewallPart | undefined, rule: Rule): boolean =>
  part?.part === 'rules' && part.rules.some((one) => sameRule(one, rule));
