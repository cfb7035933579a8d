/** Owns the list of all that can happen to a fleet. */
import { configFaults } from './config.ts';
import type { Fault } from './fault.ts';
import { hostFaults } from './host.ts';
import { kernelFaults } from './kernel.ts';
import { processFaults } from './process.ts';
import { storeFaults } from './store.ts';

export const FAULTS: readonly Fault[] = [
  ...hostFaults,
  ...kernelFaults,
  ...processFaults,
  ...storeFaults,
  ...configFaults,
];

export function faultNamed(name: string): Fault {
  const fault = FAULTS.find((one) => one.name === name);
  if (!fault) throw new Error(`There is no fault ${name}.`);
  return fault;
}
