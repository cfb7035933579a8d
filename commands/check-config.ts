/** Owns `selvage check-config`: what flannel would make of a network config, before it is put. */
import { readFileSync } from 'node:fs';
import { describeNetworkConfig } from '../config/check-config.ts';
import { UsageError } from '../config/errors.ts';
import { parseNetworkConfig } from '../config/network.ts';
import { answer } from './answer.ts';

/** `file`: a path, or - for standard input. @throws UsageError, ConfigError */
export function checkConfig(file: string): number {
  let text: string;
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (cause) {
    throw new UsageError(`The config file ${file} can't be read (${(cause as Error).message}).`, undefined, { cause });
  }
  return answer(`${JSON.stringify(describeNetworkConfig(parseNetworkConfig(text)), null, 2)}\n`);
}
