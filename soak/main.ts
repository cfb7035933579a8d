/**
 * Owns `npm run soak`: real hosts, under traffic, to which one thing after another happens for as long as is asked for.
 *
 *   npm run soak -- --minutes 60        --seed N: in another order
 *
 * Exit 1 if packets were lost where none may be, or something did not heal.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { eventually } from '../test/helpers/eventually.ts';
import { Random } from '../test/simulation/random.ts';
import { Bed } from './bed.ts';
import type { Cause } from './cause.ts';
import { damages } from './damage.ts';
import { processCauses } from './process-causes.ts';
import { type Sample, sample } from './resources.ts';
import { storeCauses } from './store-causes.ts';
import { newRow, type Row, tables, wrongs } from './table.ts';

const HEAL_MS = 120_000;
const QUIET = 'nothing';
const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string', default: '1' } },
});

class Soak {
  readonly #bed: Bed;
  readonly #random: Random;
  readonly #causes: readonly Cause[];
  readonly rows = new Map<string, Row>();
  readonly samples: Sample[] = [];
  readonly #start = Date.now();
  #minute = 0;

  constructor(bed: Bed, seed: number) {
    this.#bed = bed;
    this.#random = new Random(seed);
    this.#causes = [...damages, ...processCauses, ...storeCauses].filter(({ fits }) => fits?.(bed) ?? true);
  }

  async run(minutes: number): Promise<void> {
    await this.#healed();
    for (let left: Cause[] = []; Date.now() - this.#start < minutes * 60_000; ) {
      // Each once before any comes again.
      if (left.length === 0) left = [...this.#causes];
      const [cause] = left.splice(this.#random.below(left.length), 1);
      await this.#window(QUIET, true, () => sleep(this.#random.between(500, 2500)));
      await this.#window(cause!.name, cause!.costs, () => cause!.act(this.#bed, this.#random));
    }
  }

  /** What is lost from its beginning until all has healed is its. */
  async #window(name: string, costs: boolean, act: () => Promise<unknown>): Promise<void> {
    const row = this.rows.get(name) ?? newRow(name, costs && name !== QUIET);
    this.rows.set(name, row);
    const { probes, stream } = this.#bed;
    const before = probes.map((probe) => probe.mark());
    stream?.take();
    if ((await act()) === false) return;
    row.times++;
    const healing = performance.now();
    if (name !== QUIET) {
      await this.#healed();
      row.heals.push(performance.now() - healing);
    }
    await this.#answered();
    let lost = 0;
    for (const [i, probe] of probes.entries()) {
      const counts = probe.between(before[i]!, probe.mark());
      row.sent += counts.sent;
      lost += counts.lost;
    }
    row.lost += lost;
    const { pause, broken } = stream?.take() ?? { pause: 0, broken: 0 };
    row.pause = Math.max(row.pause, pause);
    row.broken += broken;
    if (name !== QUIET || lost > 0)
      process.stderr.write(
        `${this.#time()} ${name}: ${lost} lost, healed in ${((row.heals.at(-1) ?? 0) / 1000).toFixed(1)} s\n`,
      );
    this.#sample();
  }

  /** Every daemon says that its host is as it should be, and that all have moved; and everybody answers. */
  async #healed(): Promise<void> {
    for (const host of this.#bed.hosts) {
      await eventually(
        async () => {
          const report = await host.lastReport();
          return (
            report?.converged &&
            !report.held.some(({ why }) => why === 'not moved yet') &&
            report.source.leases === this.#bed.hosts.length
          );
        },
        { what: `${host.name} to be in sync`, timeout: HEAL_MS, interval: 50 },
      );
    }
    await this.#answered();
  }

  async #answered(): Promise<void> {
    const before = this.#bed.probes.map((probe) => probe.mark().received);
    await eventually(() => this.#bed.probes.every((probe, i) => probe.mark().received >= before[i]! + 2), {
      what: 'every ping to be answered',
      timeout: HEAL_MS,
    });
  }

  #time(): string {
    return `${((Date.now() - this.#start) / 60_000).toFixed(1).padStart(6)} min`;
  }

  #sample(): void {
    const minute = Math.floor((Date.now() - this.#start) / 60_000);
    if (minute < this.#minute) return;
    const taken = sample(this.#bed, minute);
    if (taken) this.samples.push(taken);
    this.#minute = minute + 1;
  }
}

const minutes = Number(values.minutes);
process.stderr.write('… five hosts, three etcds and their traffic are being brought up\n');
const bed = await Bed.open();
const soak = new Soak(bed, Number(values.seed));
try {
  await soak.run(minutes);
  for (const { cause, lost } of wrongs([...soak.rows.values()]))
    process.stderr.write(`${lost} packets were lost by "${cause}"\n`);
  if (wrongs([...soak.rows.values()]).length > 0) process.exitCode = 1;
} catch (error) {
  process.stderr.write(`selvage: the soak failed: ${error instanceof Error ? error.message : error}\n`);
  for (const [host, daemon] of bed.daemons) process.stderr.write(`\n${host.name}:\n${daemon.log().slice(-2000)}\n`);
  process.exitCode = 1;
} finally {
  process.stdout.write(`${tables([...soak.rows.values()], soak.samples)}\n`);
  await bed.close();
}
