/** Owns a CloudKeeper over a fake AWS, with a clock that tests turn: sleeping costs no time, and moves the clock. */
import { AwsDriver } from '../../../drivers/cloud/aws/driver.ts';
import type { CloudWant } from '../../../reconciler/cloud/model.ts';
import { CloudKeeper } from '../../../states/cloud/keeper.ts';
import { ADDRESS, type FakeAws } from './aws.ts';

export const NETWORK = '10.20.0.0/16';
export const SUBNET = '10.20.3.0/24';
export const RESYNC = 300_000;

export class Keeping {
  now = 1_700_000_000_000;
  readonly leased = new Set([SUBNET]);
  complete = true;
  keepStale = false;
  readonly lines: string[] = [];
  readonly keeper: CloudKeeper;
  opened = 0;

  constructor(aws: FakeAws) {
    const log = (_fields: object, message: string): void => void this.lines.push(message);
    const self = this;
    this.keeper = new CloudKeeper({
      clock: {
        now: () => this.now,
        steady: () => this.now,
        sleep: async (ms) => {
          this.now += ms;
        },
      },
      random: () => 0.5,
      log: { debug: log, info: log, warn: log, error: log },
      get keepStale() {
        return self.keepStale;
      },
      resyncMs: RESYNC,
      open: async () => {
        this.opened++;
        return new AwsDriver(aws.env, { tries: 2, firstMs: 1 });
      },
    });
  }

  want(parts: Partial<CloudWant> = {}): void {
    this.keeper.want({ cloud: 'aws-vpc', network: NETWORK, subnet: SUBNET, address: ADDRESS, ...parts });
  }

  /** One pass, whether it is due or not. @returns what it has found and done */
  async pass(apply = true) {
    await this.keeper.pass(() => ({ leased: this.leased, complete: this.complete }), apply);
    const { drift, outcomes } = this.keeper.takeNews();
    return {
      drift: drift.map(({ op, key }) => `${op} ${key}`),
      outcomes: outcomes.map(({ op, key, result }) => `${op} ${key} ${result}`),
      held: this.keeper.held.map(({ why }) => why),
      inForce: this.keeper.inForce,
    };
  }
}
