/** Owns the one restart of Docker that may be under way: that it is, and what is read back of it afterwards. Only an address that is really there counts. */
import type { DockerOptions } from '../config/docker-options.ts';
import type { Report } from '../reconciler/contracts/report.ts';
import type { DockerAssessment } from '../reconciler/docker/assess.ts';
import type { DockerDriver, Restarted, RestartResult } from '../reconciler/docker/contract.ts';
import { differenceOf } from '../reconciler/docker/sentences.ts';
import { causeOf } from '../reconciler/docker/wanted.ts';
import type { Log } from './deps.ts';

type ReportedOutcome = Report['outcomes'][number];

export class DockerRestart {
  readonly #options: DockerOptions;
  readonly #log: Log;
  #isRunning = false;
  /** How the last one ended, until it was read back. */
  #ended: RestartResult | undefined;
  /** What the last one for a cause came to, if it did not help. */
  #failure: { cause: string; message: string } | undefined;

  constructor(options: DockerOptions, log: Log) {
    this.#options = options;
    this.#log = log;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Resolves when it has ended and can be read back. Never rejects. */
  async run(driver: Pick<DockerDriver, 'restart'>, note: Restarted): Promise<void> {
    const { bridge, restart } = this.#options;
    const fields = { docker: { cause: note.cause, command: restart.command } };
    this.#log.info(fields, `Docker is restarted, so that ${bridge} follows the subnet: ${restart.command}`);
    this.#isRunning = true;
    // Whatever goes wrong, it has ended: a promise that nobody catches would end the daemon.
    this.#ended = await driver
      .restart(note)
      .catch((error: unknown) => ({ ok: false, message: error instanceof Error ? error.message : String(error) }));
    this.#isRunning = false;
  }

  /** What came of it, as the look after it shows; nothing if none has ended since the last look. */
  readBack({ differs, wanted }: DockerAssessment): ReportedOutcome[] {
    const ended = this.#ended;
    this.#ended = undefined;
    if (!differs) this.#failure = undefined;
    if (!ended) return [];
    const { bridge } = this.#options;
    const entry = { kind: 'docker', key: bridge, op: 'update' } as const;
    if (ended.ok && !differs) {
      this.#log.info({}, `Docker was restarted, and ${bridge} has ${wanted.address}.`);
      return [{ ...entry, result: 'done' }];
    }
    const message = ended.ok
      ? `Docker was restarted, but ${differs ? differenceOf(differs) : ''}: see that dockerd is started with what is in ${this.#source} (docs/docker.md)`
      : `Docker was not restarted: ${ended.message}`;
    this.#failure = { cause: causeOf(wanted), message };
    return [{ ...entry, result: 'failed', error: `${message}.` }];
  }

  /** Why the last one for that cause did not help; undefined if it did, or there was none. */
  failureOf(cause: string): string | undefined {
    return this.#failure?.cause === cause ? this.#failure.message : undefined;
  }

  get #source(): string {
    const { mode, opts, daemonJson } = this.#options;
    return mode === 'opts' ? opts.file : daemonJson;
  }
}
