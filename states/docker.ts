/**
 * Owns following Docker between rounds: what was last seen of it and concluded (reconciler/docker/), and the one restart that may be under way.
 *
 * - A restart runs beside the rounds: while Docker takes its time, routes are repaired as ever.
 * - Its outcome is what is read back afterwards: only an address that is really there counts.
 * - Nothing is restarted before the files that Docker will read are as they should be.
 */

import type { Interest, Listing, Outcome } from '../reconciler/contracts/driver.ts';
import type { HeldEntry, Report } from '../reconciler/contracts/report.ts';
import { mergeScope, type Scope, scopeOf } from '../reconciler/contracts/scope.ts';
import type { Desired } from '../reconciler/desired/desired.ts';
import { assessDocker, type DockerAssessment } from '../reconciler/docker/assess.ts';
import type { DockerObserved, RestartResult } from '../reconciler/docker/contract.ts';
import { mayRestart, noteOf } from '../reconciler/docker/restart.ts';
import * as say from '../reconciler/docker/sentences.ts';
import { causeOf } from '../reconciler/docker/wanted.ts';
import { type FileResource, idOf, type Kind } from '../reconciler/kinds/index.ts';
import type { AgentDeps, DockerDeps } from './deps.ts';

type ReportedOutcome = Report['outcomes'][number];

export class DockerFollower {
  held: HeldEntry[] = [];
  /** When time alone may allow a restart that is due, ms since epoch. */
  wakeAt: number | undefined;
  /** Outcome of a restart that was read back in this round. */
  outcomes: ReportedOutcome[] = [];
  readonly #deps: AgentDeps;
  readonly #docker: DockerDeps;
  #seen: DockerObserved | undefined;
  #assessment: DockerAssessment | undefined;
  #running: Promise<void> | undefined;
  #ended: RestartResult | undefined;
  /** What the last restart for a cause came to, if it did not help. */
  #failure: { cause: string; message: string } | undefined;

  constructor(deps: AgentDeps, docker: DockerDeps) {
    this.#deps = deps;
    this.#docker = docker;
  }

  get #options() {
    return this.#deps.options.docker;
  }

  /** Its own look at the host: Docker's bridge and files. */
  get interest(): Required<Pick<Interest, 'bridge' | 'files'>> {
    return { bridge: this.#options.bridge, files: [this.#options.daemonJson, this.#options.opts.file] };
  }

  get scope(): Scope {
    return scopeOf({ ids: [`docker ${this.#options.bridge}`] });
  }

  #concerns(scope: Scope): boolean {
    if (scope.all || scope.kinds.has('docker') || scope.kinds.has('file')) return true;
    const { bridge, files } = this.interest;
    return scope.ids.has(`docker ${bridge}`) || files.some((path) => scope.ids.has(`file ${path}`));
  }

  watch(emit: (scope: Scope) => void): () => void {
    return this.#docker.driver.watch(emit);
  }

  /** A restart that is under way; resolves when it has ended and can be read back. */
  get running(): Promise<void> | undefined {
    return this.#running;
  }

  /**
   * Sees and concludes, if Docker may have changed: before the round, which writes the files that Docker should have, and so `scope` is
   * widened by them. @returns whether it looked
   */
  async lookFor(desired: Desired, scope: Scope): Promise<boolean> {
    const lease = desired.dockerLease();
    if (!lease || !this.#concerns(scope)) return false;
    const seen = await this.#observe();
    const assessment = assessDocker(this.#options, lease, seen);
    this.#seen = seen;
    this.#assessment = assessment;
    this.outcomes = this.#readBack(assessment);
    desired.setDockerFiles(assessment.files);
    mergeScope(scope, scopeOf({ ids: assessment.files.map(idOf) }));
    return true;
  }

  /** Settles what is held, once the round's outcomes are known. @returns whether Docker is to be restarted now */
  decide(outcomes: readonly Outcome[] | undefined): boolean {
    const { clock, options } = this.#deps;
    this.wakeAt = undefined;
    const [assessment, seen] = [this.#assessment, this.#seen];
    if (!assessment || !seen) return false;
    this.held = [...assessment.held];
    const { differs, restartWouldHelp, wanted, files } = assessment;
    if (this.#running) {
      // What is seen of it meanwhile says nothing.
      this.held = [say.restartRunning(this.#options)];
      return false;
    }
    if (!differs || !restartWouldHelp || !seen.engine) return false;
    // A report says what a repair would do; its files would be written first.
    const inForce = outcomes === undefined || files.every((file) => isInForce(file, seen, this.#options, outcomes));
    const cause = causeOf(wanted);
    const verdict = inForce
      ? mayRestart({
          restart: options.docker.restart,
          engine: seen.engine,
          cause,
          restarted: seen.restarted,
          window: this.#docker.window,
          now: clock.now(),
        })
      : { may: false as const, why: 'and waits for the files that could not be written' };
    if (verdict.may && outcomes !== undefined) {
      this.held.push(say.restartRunning(this.#options));
      return true;
    }
    const failure = this.#failure?.cause === cause ? `. ${this.#failure.message}` : '';
    const why = verdict.may ? 'and may be made now' : verdict.why;
    this.held.push(say.restartDue(differs, `${why}${failure}`));
    if (!verdict.may) this.wakeAt = verdict.at;
    return false;
  }

  /** Begins what decide() has allowed; `ended` is called when it can be read back. */
  restart(ended: () => void): void {
    const { clock, log } = this.#deps;
    const cause = causeOf(this.#assessment!.wanted);
    const { command } = this.#options.restart;
    log.info(
      { docker: { cause, command } },
      `Docker is restarted, so that ${this.#options.bridge} follows the subnet: ${command}`,
    );
    const note = noteOf(cause, this.#seen?.restarted, clock.now());
    const broken = (error: unknown): RestartResult => ({
      ok: false,
      message: error instanceof Error ? error.message : String(error),
    });
    this.#running = this.#docker.driver
      .restart(note)
      .then(undefined, broken)
      .then((result) => {
        this.#running = undefined;
        this.#ended = result;
        ended();
      });
  }

  /** What a report says of Docker. */
  get facts(): Report['docker'] {
    const [assessment, seen] = [this.#assessment, this.#seen];
    if (!assessment?.seen || !seen) return undefined;
    const { engine } = seen;
    return {
      mode: this.#options.mode,
      engine: engine
        ? { version: engine.version, liveRestore: engine.liveRestore, containers: engine.containers.length }
        : null,
      bridge: assessment.have ? { name: this.#options.bridge, ...assessment.have } : null,
    };
  }

  get drift(): Report['drift'] {
    return this.#assessment?.drift ?? [];
  }

  #readBack({ differs, wanted }: DockerAssessment): ReportedOutcome[] {
    const ended = this.#ended;
    this.#ended = undefined;
    if (!differs) this.#failure = undefined;
    if (!ended) return [];
    const entry = { kind: 'docker', key: this.#options.bridge, op: 'update' } as const;
    if (ended.ok && !differs) {
      this.#deps.log.info({}, `Docker was restarted, and ${this.#options.bridge} has ${wanted.address}.`);
      return [{ ...entry, result: 'done' }];
    }
    const message = ended.ok
      ? `Docker was restarted, but ${differs ? say.differenceOf(differs) : ''}: see that dockerd is started with what is in ${this.#source()} (docs/docker.md)`
      : `Docker was not restarted: ${ended.message}`;
    this.#failure = { cause: causeOf(wanted), message };
    return [{ ...entry, result: 'failed', error: `${message}.` }];
  }

  #source(): string {
    return this.#options.mode === 'opts' ? this.#options.opts.file : this.#options.daemonJson;
  }

  async #observe(): Promise<DockerObserved> {
    const { bridge, files } = this.interest;
    const nothing: Interest = { networks: [], devices: [], uplink: '', files: [] };
    const list = async (kind: Kind, scope: Scope, interest: Interest): Promise<Listing> => {
      const driver = this.#deps.drivers.find((one) => one.kinds.includes(kind));
      return driver ? driver.list(scope, interest) : { haves: [], complete: true };
    };
    // First: an engine that answers has set up its bridge, and what is read of that afterwards is what the engine has made of it.
    const engine = await this.#docker.driver.look();
    const [links, texts] = await Promise.all([
      list('address', scopeOf({ kinds: ['address'], ids: [`link ${bridge}`] }), { ...nothing, bridge }),
      list('file', scopeOf({ kinds: ['file'] }), { ...nothing, files }),
    ]);
    const addresses = links.haves.flatMap((have) =>
      have.kind === 'address' && have.dev === bridge ? have.address : [],
    );
    const link = links.haves.find((have) => have.kind === 'link' && have.name === bridge);
    const textOf = (path: string): string | undefined =>
      texts.haves.flatMap((have) => (have.kind === 'file' && have.path === path ? have.content : []))[0];
    return {
      ...engine,
      bridge: link?.kind === 'link' ? { addresses, mtu: link.mtu } : undefined,
      daemonJson: textOf(this.#options.daemonJson),
      optsFile: textOf(this.#options.opts.file),
      problem: engine.problem ?? links.problem ?? texts.problem,
    };
  }
}

/** Whether a file is as it should be: it was so, or this round has made it so. */
function isInForce(
  file: FileResource,
  seen: DockerObserved,
  { daemonJson }: AgentDeps['options']['docker'],
  outcomes: readonly Outcome[],
): boolean {
  const outcome = outcomes.find(({ change }) => change.id === `file ${file.path}`);
  if (outcome) return outcome.result === 'done' || outcome.result === 'noop';
  return file.content === (file.path === daemonJson ? seen.daemonJson : seen.optsFile);
}
