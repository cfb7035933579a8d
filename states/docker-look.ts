/** Owns the look at Docker on a host: what its engine says, the kernel has of its bridge, and stands in its files. */
import type { DockerOptions } from '../config/docker-options.ts';
import { type Driver, type Interest, isMade, type Listing, type Outcome } from '../reconciler/contracts/driver.ts';
import { type Scope, scopeOf } from '../reconciler/contracts/scope.ts';
import type { DockerDriver, DockerObserved } from '../reconciler/docker/contract.ts';
import type { FileResource, Kind } from '../reconciler/kinds/index.ts';

/** Files that Docker reads, or may read. */
export const dockerFiles = ({ daemonJson, opts }: DockerOptions): string[] => [daemonJson, opts.file];

export async function lookAtDocker(
  docker: Pick<DockerDriver, 'look'>,
  drivers: readonly Driver[],
  options: DockerOptions,
  isShut: boolean,
): Promise<DockerObserved> {
  const { bridge, daemonJson, opts } = options;
  const nothing: Interest = { networks: [], devices: [], uplink: '', files: [] };
  const list = async (kind: Kind, scope: Scope, interest: Partial<Interest>): Promise<Listing> => {
    const driver = drivers.find((one) => one.kinds.includes(kind));
    return driver ? driver.list(scope, { ...nothing, ...interest }) : { haves: [], complete: true };
  };
  // First: an engine that answers has set up its bridge, and what is read of that afterwards is what the engine has made of it.
  const engine = await docker.look();
  const [links, texts] = await Promise.all([
    list('address', scopeOf({ kinds: ['address'], ids: [`link ${bridge}`] }), {
      ofCompanions: new Map([[bridge, ['docker']]]),
    }),
    list('file', scopeOf({ kinds: ['file'] }), { files: dockerFiles(options) }),
  ]);
  const addresses = links.haves.flatMap((have) => (have.kind === 'address' && have.dev === bridge ? have.address : []));
  const link = links.haves.find((have) => have.kind === 'link' && have.name === bridge);
  const textOf = (path: string): string | undefined =>
    texts.haves.flatMap((have) => (have.kind === 'file' && have.path === path ? have.content : []))[0];
  return {
    ...engine,
    bridge: link?.kind === 'link' ? { addresses, mtu: link.mtu } : undefined,
    daemonJson: textOf(daemonJson),
    optsFile: textOf(opts.file),
    isShut,
    problem: engine.problem ?? links.problem ?? texts.problem ?? [...(texts.unread?.values() ?? [])][0]?.detail,
  };
}

/** Whether a file is as it should be: it was so, or this round has made it so. */
export function isInForce(
  file: FileResource,
  seen: DockerObserved,
  { daemonJson }: DockerOptions,
  outcomes: readonly Outcome[],
): boolean {
  const outcome = outcomes.find(({ change }) => change.id === `file ${file.path}`);
  if (outcome) return isMade(outcome);
  return file.content === (file.path === daemonJson ? seen.daemonJson : seen.optsFile);
}
