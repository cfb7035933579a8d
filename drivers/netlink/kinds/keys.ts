/** Owns reading by keys of the form `dev|rest`: device by device, and by a dump where there are many or a single read is in doubt. */
import { type Have, keyOf } from '../../../reconciler/kinds/index.ts';
import type { Reply } from '../client.ts';
import { ENODEV, ENOENT } from '../errno.ts';

/** Beyond this many keys of one kind a dump is cheaper. */
export const MANY = 256;

export function underDevices(keys: string[], read: (dev: string, rests: string[]) => Have[]): Have[] {
  const byDevice = new Map<string, string[]>();
  for (const key of keys) {
    const bar = key.lastIndexOf('|');
    const dev = key.slice(0, bar);
    const rests = byDevice.get(dev);
    if (rests) rests.push(key.slice(bar + 1));
    else byDevice.set(dev, [key.slice(bar + 1)]);
  }
  return [...byDevice].flatMap(([dev, rests]) => read(dev, rests));
}

/** Keeps of one device's entries those that were asked for. */
export function only(rests: string[], haves: Have[]): Have[] {
  const wanted = new Set(rests);
  return haves.filter((have) => {
    const key = keyOf(have);
    return wanted.has(key.slice(key.lastIndexOf('|') + 1));
  });
}

/** One by one with `get`; all of the device (`dump`) once an answer is anything but the entry asked for, or that there is none. */
export function readEach<T extends Have>(
  rests: string[],
  get: (rest: string) => Reply & { value: T | undefined },
  isAsked: (value: T, rest: string) => boolean,
  dump: () => Have[],
): Have[] {
  if (rests.length > MANY) return only(rests, dump());
  const haves: Have[] = [];
  for (const rest of rests) {
    const { value, errno } = get(rest);
    if (value && isAsked(value, rest)) haves.push(value);
    else if (errno !== ENOENT && errno !== ENODEV) return only(rests, dump());
  }
  return haves;
}
