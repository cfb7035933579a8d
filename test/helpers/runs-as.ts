/** Owns processes that are there by their name only: for those who look at what runs on a host. */
import type { ChildProcess } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LabHost } from './lab.ts';

/** A process of that name in the host's namespace, which sleeps. Ended with the namespace. */
export function runsAs(host: LabHost, name: string): ChildProcess {
  const path = join(host.folder, name);
  copyFileSync('/bin/sleep', path);
  return host.ns.spawn(path, ['600'], { stdio: 'ignore' });
}
