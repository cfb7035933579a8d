/**
 * Owns the repair as a script of `ip -batch`, `bridge -batch`, `nft` and shell lines, which a careful person reads, edits and runs.
 *
 * - In the plan's order, so that everything finds what it stands on; it stops at the first command that fails.
 * - What the kernel takes away along with a change of a device is put back, as a repair run's second look would.
 */

import type { Change } from '../contracts/driver.ts';
import type { Report } from '../contracts/report.ts';
import { type Command, quoted } from '../kinds/command.ts';
import { commandsOf, idOf, isResourceKind, parentOf, rulesOf, splitId, type Want } from '../kinds/index.ts';
import { headline, plain, summaryLine } from './text.ts';

export interface Repair {
  report: Report;
  /** The changes, in the order in which they are to be made. */
  changes: readonly Change[];
  /** All that this host should have. */
  wants: Iterable<Want>;
}

/** With what it is for; a command's own line may name its peer. */
interface Part {
  why: string;
  for: string;
  commands: Command[];
}

export function renderCommands({ report, changes, wants }: Repair): string {
  const lines = [
    '#!/bin/sh',
    `# ${headline(report)}`,
    `# ${summaryLine(report)}`,
    `# The repair of ${report.at}, as selvage --once would make it. Read it, edit it, then run it as root: sh FILE.`,
  ];
  const others = report.drift.filter(({ kind }) => !isResourceKind(kind));
  for (const { op, kind, text, reason } of others)
    lines.push(`# Not in this script: ${op} ${kind} ${plain(text)}: ${plain(reason)}`);
  for (const { kind, text, why, detail } of report.held)
    lines.push(`# Held, and not in this script: ${kind} ${plain(text)}: ${plain(why)}. ${plain(detail)}`);
  lines.push('set -eu', ...written(partsOf(report, changes, wants)));
  return `${lines.join('\n')}\n`;
}

function partsOf(report: Report, changes: readonly Change[], wants: Iterable<Want>): Part[] {
  const told = new Map(report.drift.map((entry) => [`${entry.kind} ${entry.key}`, entry]));
  const anew = changes.flatMap((change) => (change.op === 'update' && change.want.kind === 'link' ? [change] : []));
  const lost = lostWith(anew, wants);
  const parts: Part[] = [];
  let waiting = lost.length > 0;
  for (const change of changes) {
    // Links come first; what goes with them is put back before anything else is done.
    if (waiting && splitId(change.id).kind !== 'link') {
      parts.push(...putBack(lost, changes));
      waiting = false;
    }
    if (lost.some(({ id }) => id === change.id)) continue;
    if (change.op === 'delete' && goesWith(change, anew)) continue;
    const peer = told.get(change.id)?.peer;
    parts.push({
      why: `${splitId(change.id).kind}: ${change.reason}`,
      for: peer ? `host ${peer.publicIP}` : '',
      commands: commandsOf(change),
    });
  }
  if (waiting) parts.push(...putBack(lost, changes));
  return parts;
}

type LinkUpdate = Extract<Change, { op: 'update' }>;

/** A device that is made anew takes all on it along; one that gets another MAC what goes with that. */
function lostWith(anew: readonly LinkUpdate[], wants: Iterable<Want>): { id: string; want: Want }[] {
  const recreated = new Set(anew.filter(({ recreate }) => recreate).map(({ id }) => splitId(id).key));
  const renamed = new Set(anew.filter(({ fields }) => fields.includes('mac')).map(({ id }) => splitId(id).key));
  if (recreated.size + renamed.size === 0) return [];
  return [...wants]
    .filter((want) => {
      const device = parentOf(want) ?? '';
      return recreated.has(device) || (renamed.has(device) && rulesOf(want.kind).goesWithMac);
    })
    .map((want) => ({ id: idOf(want), want }));
}

/** As they should be, whatever is there. */
function putBack(lost: readonly { id: string; want: Want }[], changes: readonly Change[]): Part[] {
  const ids = new Set(changes.map(({ id }) => id));
  return lost.map(({ id, want }) => ({
    why: `${want.kind}: ${ids.has(id) ? 'differs, and goes' : 'goes'} with its device`,
    for: '',
    commands: commandsOf({ op: 'update', want, have: want, recreate: false }),
  }));
}

function goesWith(change: Extract<Change, { op: 'delete' }>, anew: readonly LinkUpdate[]): boolean {
  const device = parentOf(change.have);
  return anew.some(({ id, recreate }) => recreate && splitId(id).key === device);
}

/** Commands of one tool in a row are one batch. A line of words that a batch would take for its own is the shell's. */
function written(parts: readonly Part[]): string[] {
  const lines: string[] = [];
  let open = '';
  let why = '';
  const into = (batch: string): void => {
    if (open === batch) return;
    if (open) lines.push('END');
    if (batch) lines.push('', `${batch} <<'END'`);
    open = batch;
    why = '';
  };
  for (const part of parts) {
    for (const command of part.commands) {
      into(batchOf(command));
      if (part.why !== why) lines.push(...(open ? [] : ['']), `# ${plain(part.why)}`);
      why = part.why;
      lines.push(lineOf(command) + (open.includes('-batch') && part.for ? `  # ${plain(part.for)}` : ''));
    }
  }
  into('');
  return lines;
}

const SAFE = /^[\w.:/@%+,=-]+$/;

function batchOf(command: Command): string {
  if (command.tool === 'sh') return '';
  if (command.tool === 'nft') return 'nft -f -';
  return command.args.every((word) => SAFE.test(word)) ? `${command.tool} -batch -` : '';
}

function lineOf(command: Command): string {
  if (command.tool === 'sh') return command.text;
  if (command.tool === 'nft') return command.lines;
  const line = command.args.map(quoted).join(' ');
  return batchOf(command) ? line : `${command.tool} ${line}`;
}
