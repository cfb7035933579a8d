/** Owns `selvage check-config`: what flannel would make of a network config, before it is put. */
import { readFileSync } from 'node:fs';
import { lookAtHost } from '../compose.ts';
import { describeNetworkConfig } from '../config/check-config.ts';
import { UsageError } from '../config/errors.ts';
import { parseNetworkConfig } from '../config/network.ts';
import type { Options } from '../config/options.ts';
import { Refusals } from '../reconciler/desired/refusals.ts';
import { answer } from './answer.ts';

/**
 * `file`: a path, or - for standard input. What this host would be cut off from is said on standard error: the config may be another
 * host's. @throws UsageError, ConfigError
 */
export async function checkConfig(file: string, options: Options): Promise<number> {
  let text: string;
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (cause) {
    throw new UsageError(`The config file ${file} can't be read (${(cause as Error).message}).`, undefined, { cause });
  }
  const config = parseNetworkConfig(text);
  const host = config.enableIPv4 ? await lookAtHost(options, config) : undefined;
  const refusals = host && new Refusals(config, host);
  for (const { detail } of refusals?.notices ?? []) process.stderr.write(`selvage: ${detail}\n`);
  for (const { what, range } of refusals?.guards.inPool(config) ?? [])
    process.stderr.write(
      `selvage: Subnets of ${config.network} may overlap ${what}${what.includes(range) ? '' : ` (${range})`}, which this host must reach; no such subnet is leased or served here: choose another Network, or SubnetMin and SubnetMax.\n`,
    );
  return answer(`${JSON.stringify(describeNetworkConfig(config), null, 2)}\n`);
}
