/**
 * Owns the shape of what is seen of Docker on a host, and the contract of the driver that sees it. Docker is no Resource: no plan can have
 * it. The core neither lists nor changes its bridge; what is ours of it is files, and a restart that somebody has to have asked for.
 */

/** Docker's default bridge network: what it follows the subnet by. */
export interface BridgeNetwork {
  /** The bridge's own address with the subnet's length, "10.5.34.1/24"; "" for none. */
  address: string;
  /** Bytes, of the containers' interfaces. */
  mtu: number;
  /** Whether Docker masquerades what its containers send. */
  ipMasq: boolean;
}

/** An engine that answers. */
export interface Engine {
  version: string;
  liveRestore: boolean;
  /** As the engine has it; undefined where it runs without one. */
  network: (BridgeNetwork & { bridge: string }) | undefined;
  /** The containers that run. `address`: on the default bridge, "" if elsewhere. */
  containers: { name: string; address: string }[];
}

/** What selvage last restarted Docker for. Kept on the host, so that it is known to the next run too. */
export interface Restarted {
  /** What was to come of it, as text: one subnet and MTU is one cause. */
  cause: string;
  /** ms since epoch. */
  at: number;
  /** How often in a row for that cause. */
  times: number;
}

export interface DockerObserved {
  /** As the kernel has it; undefined: there is none of that name. */
  bridge: { addresses: string[]; mtu: number } | undefined;
  engine: Engine | undefined;
  /** Texts; undefined: there is no such file. */
  daemonJson: string | undefined;
  optsFile: string | undefined;
  restarted: Restarted | undefined;
  /** Docker's own rules drop what comes to its containers from other hosts (`raw`, since 28). */
  isShut: boolean;
  /** What could not be read, as a sentence: then nothing is concluded from what is missing. */
  problem: string | undefined;
}

export type RestartResult = { ok: true } | { ok: false; message: string };

export interface DockerDriver {
  /** Where it notes what it last restarted Docker for, if it does so in a file. */
  readonly noteFile?: string;
  /** Asks the engine and reads what it was last restarted for. No engine is a fact: `engine` is undefined. Never rejects. */
  look(): Promise<Pick<DockerObserved, 'engine' | 'restarted' | 'problem'>>;
  /** Notes the cause, runs the command, and waits until an engine answers. Never rejects. */
  restart(cause: Restarted): Promise<RestartResult>;
  /** `changed` is called when the engine comes or goes, a container starts or ends. Returns what stops it. */
  watch(changed: () => void): () => void;
  /** A restart that still runs goes on by itself. */
  close(): void;
}
