/** Owns the set-up that lab tests share: a lab for one describe block. */
import { after, before } from 'node:test';
import { createLab, type Lab, type LabOptions } from './lab.ts';

/** For a describe block: makes a lab before its tests, hands it to `setUp`, and takes it away after them, also if that failed. */
export function labWith(options: LabOptions, setUp: (lab: Lab) => void | Promise<void>): void {
  let lab: Lab | undefined;
  before(async () => {
    lab = await createLab(options);
    await setUp(lab);
  });
  after(() => lab?.destroy());
}
