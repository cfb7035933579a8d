/**
 * Owns a Docker in memory: an engine that takes its bridge's address from the options file or daemon.json of the model kernel when it
 * starts, as dockerd does, and a restart that a test lets end or fail.
 */

import type { DockerDriver, Engine, Restarted, RestartResult } from '../../reconciler/docker/contract.ts';
import type { ModelKernel } from './model-kernel.ts';

export const OPTS_FILE = '/run/flannel/docker_opts.env';
export const DAEMON_JSON = '/etc/docker/daemon.json';
const DEFAULT_BIP = '172.17.0.1/16';

export class ModelDocker implements DockerDriver {
  engine: Engine | undefined;
  restarted: Restarted | undefined;
  /** What the restart command is to end with; a new engine comes up only if it is ok. */
  result: RestartResult = { ok: true };
  /** Restarts are under way until this is called. */
  finish: (() => void) | undefined;
  /** False: an engine that was started with flags of its own reads neither file. */
  readsFiles = true;
  readonly restarts: Restarted[] = [];
  readonly #kernel: ModelKernel;
  #changed: (() => void) | undefined;

  constructor(kernel: ModelKernel) {
    this.#kernel = kernel;
  }

  /** dockerd starts: its bridge gets the address that its files say now. */
  start(containers: Engine['containers'] = []): void {
    const bip = this.#said(/--bip=(\S+?)["\s]/, 'bip') ?? DEFAULT_BIP;
    const mtu = Number(this.#said(/--mtu=(\d+)/, 'mtu') ?? 1500);
    for (const address of this.#kernel.all()) {
      if (address.kind === 'address' && address.dev === 'docker0') this.#kernel.deleteAddress(address);
    }
    this.#kernel.addAddress({ kind: 'address', dev: 'docker0', address: bip });
    const network = { bridge: 'docker0', address: bip, mtu, ipMasq: true };
    this.engine = { version: '20.10.24', liveRestore: false, network, containers };
    this.changed();
  }

  stop(): void {
    this.engine = undefined;
    this.changed();
  }

  changed(): void {
    this.#changed?.();
  }

  file(path: string): string | undefined {
    const found = this.#kernel.all().find((have) => have.kind === 'file' && have.path === path);
    return found?.kind === 'file' ? found.content : undefined;
  }

  get bridge(): string | undefined {
    const found = this.#kernel.all().find((have) => have.kind === 'address' && have.dev === 'docker0');
    return found?.kind === 'address' ? found.address : undefined;
  }

  async look() {
    const { engine, restarted } = this;
    return { engine: engine && structuredClone(engine), restarted, problem: undefined };
  }

  async restart(note: Restarted): Promise<RestartResult> {
    this.restarted = note;
    this.restarts.push(note);
    await new Promise<void>((resolve) => {
      this.finish = resolve;
    });
    this.finish = undefined;
    if (this.result.ok) this.start(this.engine?.containers);
    return this.result;
  }

  watch(changed: () => void): () => void {
    this.#changed = changed;
    return () => {
      this.#changed = undefined;
    };
  }

  close(): void {}

  #said(flag: RegExp, key: string): string | undefined {
    if (!this.readsFiles) return undefined;
    const json = JSON.parse(this.file(DAEMON_JSON) ?? '{}') as Record<string, unknown>;
    const fromFlag = flag.exec(this.file(OPTS_FILE) ?? '')?.[1];
    if (fromFlag !== undefined && json[key] !== undefined) throw new Error(`${key} is given twice`);
    return fromFlag ?? (json[key] === undefined ? undefined : String(json[key]));
  }
}
