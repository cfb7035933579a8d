/**
 * Owns Docker as a companion of the rounds: what was last seen of it and concluded (reconciler/docker/), and when it is restarted.
 *
 * - A restart is its only act, and runs beside the rounds: while Docker takes its time, routes are repaired as ever.
 * - Nothing is restarted before the files that Docker will read are as they should be.
 */

import type { DockerOptions } from '../config/docker-options.ts';
import type { Outcome } from '../reconciler/contracts/driver.ts';
import type { HeldEntry, Report } from '../reconciler/contracts/report.ts';
import type { Scope } from '../reconciler/contracts/scope.ts';
import type { Desired } from '../reconciler/desired/desired.ts';
import { assessDocker, type DockerAssessment } from '../reconciler/docker/assess.ts';
import type { DockerDriver, DockerObserved, Engine } from '../reconciler/docker/contract.ts';
import { mayRestart, noteOf, type RestartVerdict, type Window } from '../reconciler/docker/restart.ts';
import * as say from '../reconciler/docker/sentences.ts';
import { causeOf } from '../reconciler/docker/wanted.ts';
import {
  type Companion,
  type CompanionInterest,
  type CompanionReport,
  isConcerned,
  type Leaving,
  type LeftBehind,
  type Looked,
} from './companion.ts';
import type { AgentDeps } from './deps.ts';
import { leaveDocker } from './docker-leave.ts';
import { dockerFiles, isInForce, lookAtDocker } from './docker-look.ts';
import { DockerRestart } from './docker-restart.ts';

export interface DockerDeps {
  driver: DockerDriver;
  /** Outside of it Docker is not restarted. */
  window?: Window;
  /** Whether Docker's own rules drop what comes from other hosts to the subnet. */
  isShut?: (subnet: string) => boolean;
}

/** What the last look showed. */
interface Look {
  seen: DockerObserved;
  assessment: DockerAssessment;
  /** What came of a restart that it read back. */
  outcomes: Report['outcomes'];
}

export class DockerCompanion implements Companion {
  readonly name = 'docker';
  readonly #deps: Pick<AgentDeps, 'clock' | 'drivers'>;
  readonly #options: DockerOptions;
  readonly #driver: DockerDriver;
  readonly #window: Window | undefined;
  readonly #restart: DockerRestart;
  readonly #isShut: (subnet: string) => boolean;
  #wakeAt: number | undefined;
  #held: HeldEntry[] = [];
  #look: Look | undefined;

  constructor(
    deps: Pick<AgentDeps, 'options' | 'log' | 'clock' | 'drivers'>,
    { driver, window, isShut = () => false }: DockerDeps,
  ) {
    this.#deps = deps;
    this.#options = deps.options.docker;
    this.#driver = driver;
    this.#window = window;
    this.#isShut = isShut;
    this.#restart = new DockerRestart(this.#options, deps.log);
  }

  get wakeAt(): number | undefined {
    return this.#wakeAt;
  }

  interests(): CompanionInterest {
    return { devices: [this.#options.bridge], files: dockerFiles(this.#options) };
  }

  watch(changed: () => void): () => void {
    return this.#driver.watch(changed);
  }

  async lookFor(desired: Desired, scope: Scope): Promise<Looked | undefined> {
    const own = desired.hostSubnet();
    if (!own || !isConcerned(this, scope)) return undefined;
    const seen = await lookAtDocker(this.#driver, this.#deps.drivers, this.#options, this.#isShut(own.subnet));
    const assessment = assessDocker(this.#options, own, seen);
    this.#look = { seen, assessment, outcomes: this.#restart.readBack(assessment) };
    return { files: assessment.files };
  }

  decide(outcomes: readonly Outcome[] | undefined): boolean {
    this.#wakeAt = undefined;
    if (!this.#look) return false;
    const { differs, restartWouldHelp, wanted, held } = this.#look.assessment;
    const { engine } = this.#look.seen;
    if (this.#restart.isRunning) {
      // What is seen of it meanwhile says nothing.
      this.#held = [say.restartRunning(this.#options)];
      return false;
    }
    this.#held = [...held];
    if (!differs || !restartWouldHelp || !engine) return false;
    const verdict = this.#mayRestart(engine, this.#look, outcomes);
    // A report says what a repair would do.
    if (verdict.may && outcomes !== undefined) {
      this.#held.push(say.restartRunning(this.#options));
      return true;
    }
    const failure = this.#restart.failureOf(causeOf(wanted));
    const why = verdict.may ? 'and may be made now' : verdict.why;
    this.#held.push(say.restartDue(differs, failure === undefined ? why : `${why}. ${failure}`));
    if (!verdict.may) this.#wakeAt = verdict.at;
    return false;
  }

  async act(): Promise<void> {
    if (!this.#look) return;
    const { seen, assessment } = this.#look;
    const note = noteOf(causeOf(assessment.wanted), seen.restarted, this.#deps.clock.now());
    await this.#restart.run(this.#driver, note);
  }

  report(): CompanionReport {
    const { assessment, outcomes = [] } = this.#look ?? {};
    return { held: this.#held, drift: assessment?.drift ?? [], outcomes, sections: this.#sections };
  }

  leave(how: Leaving): Promise<LeftBehind> {
    return leaveDocker(this.#deps.drivers, this.#options, this.#driver.noteFile, how);
  }

  close(): void {
    this.#driver.close();
  }

  /** Whether Docker may restart now; a drift report takes the files as written. */
  #mayRestart(engine: Engine, { seen, assessment }: Look, outcomes: readonly Outcome[] | undefined): RestartVerdict {
    const { wanted, files } = assessment;
    if (outcomes && !files.every((file) => isInForce(file, seen, this.#options, outcomes)))
      return { may: false, why: 'and waits for the files that could not be written' };
    return mayRestart({
      restart: this.#options.restart,
      engine,
      cause: causeOf(wanted),
      restarted: seen.restarted,
      window: this.#window,
      now: this.#deps.clock.now(),
    });
  }

  get #sections(): CompanionReport['sections'] {
    if (!this.#look?.assessment.seen) return {};
    const { engine } = this.#look.seen;
    const { have } = this.#look.assessment;
    return {
      docker: {
        mode: this.#options.mode,
        engine: engine
          ? { version: engine.version, liveRestore: engine.liveRestore, containers: engine.containers.length }
          : null,
        bridge: have ? { name: this.#options.bridge, ...have } : null,
      },
    };
  }
}
