/**
 * Owns `selvage docker-opts`: what mk-docker-opts.sh does, but that the file is replaced whole instead of emptied and appended to.
 * Its exit codes are the script's: 0, or 1 with a sentence on stderr.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { formatDockerOpts, OPTS_USAGE, OptsError, parseOptsCommand, type Variables } from '../../config/docker-opts.ts';
import { formatCidr, parseCidr } from '../../config/ipv4.ts';
import { readEnvText } from '../../config/subnet-env.ts';
import { withoutDockerOptions } from '../../config/two-in-one.ts';
import { scopeOf } from '../../reconciler/contracts/scope.ts';
import type { Route } from '../../reconciler/kinds/index.ts';
import { fileFailure } from '../files/failure.ts';
import { conflictAt, type FileState, readState } from '../files/own-file.ts';
import { writeAtomically } from '../files/write.ts';
import { openNetlink } from '../netlink/driver.ts';

/** Never rejects. @returns the exit code */
export async function dockerOpts(argv: readonly string[], env: Variables): Promise<number> {
  const command = parseOptsCommand(argv);
  if (command === 'usage') return fail(OPTS_USAGE.trimEnd());
  try {
    const inOne = resolve(command.flannelEnv) === resolve(command.dockerEnv);
    const text = await readText(command.flannelEnv);
    const before = inOne ? withoutDockerOptions(text) : text;
    const variables = { ...env, ...Object.fromEntries(readEnvText(before)) };
    const options = formatDockerOpts(variables, command);
    const lack = NEEDED.filter((name) => !variables[name]);
    if (lack.length)
      say(
        `${command.flannelEnv} ${text === '' ? 'is not there, or empty' : `has no ${lack.join(', ')}`}, so the options of ${lack.length === NEEDED.length ? 'the subnet' : 'that'} are left out; Docker would take a network of its own. Is selvage or flanneld running?`,
      );
    if (inOne) {
      const ended = before === '' || before.endsWith('\n') ? before : `${before}\n`;
      await write(command.dockerEnv, ended + options);
      say(`${command.dockerEnv} is subnet.env too: both sets of lines are kept in it.`);
    } else await write(command.dockerEnv, options);
    const route = await routeOfAnother(variables.FLANNEL_SUBNET ?? '');
    return route === undefined ? 0 : fail(`Your routing table already contains the subnet: ${route}`);
  } catch (error) {
    if (error instanceof OptsError) return fail(error.message);
    const path = (error as { path?: string }).path ?? command.dockerEnv;
    return fail(`selvage: ${fileFailure(path, error, '-d FILE').message}`);
  }
}

/** Variables of subnet.env without which Docker doesn't follow it. */
const NEEDED = ['FLANNEL_SUBNET', 'FLANNEL_MTU', 'FLANNEL_IPMASQ'];

function fail(sentence: string): 1 {
  process.stderr.write(`${sentence}\n`);
  return 1;
}

const say = (sentence: string): unknown => process.stderr.write(`selvage: ${sentence}\n`);

/** As `[ -f FILE ]` before it is sourced: "" without one. @throws FileConflict for what is no file of ours */
async function readText(path: string): Promise<string> {
  const state = await look(path, '-f FILE');
  return state.what === 'file' ? state.bytes.toString('utf8') : '';
}

async function look(path: string, flag: string): Promise<Exclude<FileState, { what: 'other' }>> {
  const state = await readState(path);
  if (state.what === 'other') throw conflictAt(path, state.wrong, flag);
  return state;
}

async function write(path: string, text: string): Promise<void> {
  // A rename would put a file in its place.
  if (path === '/dev/stdout') {
    process.stdout.write(text);
    return;
  }
  const state = await look(path, '-d FILE');
  // Root reads it: a umask of 0 is no wish that everybody may write it.
  await writeAtomically(path, text, state.what === 'file' ? state.mode : 0o644 & ~umask(), '-d FILE');
}

/** Read, not set: process.umask(…) is for the whole process. */
function umask(): number {
  try {
    return Number.parseInt(/^Umask:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '022', 8);
  } catch {
    return 0o022;
  }
}

/** A route over a gateway to the very subnet that Docker is to have, as `ip route` shows it: another host's, so both would be wrong. */
async function routeOfAnother(flannelSubnet: string): Promise<string | undefined> {
  const cidr = parseCidr(flannelSubnet);
  if (!cidr) return undefined;
  const subnet = formatCidr({ ip: cidr.ip - 1, length: cidr.length });
  const netlink = openNetlink();
  try {
    const interest = { networks: [subnet], devices: [], uplink: '', files: [] };
    const { haves } = await netlink.list(scopeOf({ kinds: ['route'] }), interest);
    const route = haves.find(
      (have): have is Route => have.kind === 'route' && have.dst === subnet && have.gateway !== '',
    );
    return route && `${route.dst} via ${route.gateway} dev ${route.dev}${route.onlink ? ' onlink' : ''}`;
  } catch {
    return undefined; // as where there is no `ip`: the file is written all the same
  } finally {
    await netlink.close();
  }
}
