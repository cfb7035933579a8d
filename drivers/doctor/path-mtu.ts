/** Asks the kernel for the path MTUs that it has learned (RTM_GETROUTE, RTAX_MTU of the answer). Sends nothing. */
import type { Client } from '../netlink/client.ts';
import * as c from '../netlink/codec/constants.ts';

const RTMSG = 12;
/** linux/rtnetlink.h */
const RTAX_MTU = 2;
/** So many peers are asked for at most: a question takes some microseconds. */
const MOST = 2048;

/** Bytes by address; without those of which nothing was learned. */
export function learnedMtus(client: Client, addresses: readonly string[]): Map<string, number> {
  const learned = new Map<string, number>();
  for (const address of [...new Set(addresses)].slice(0, MOST)) {
    const { value } = client.get(
      (w) => {
        const at = w.begin(c.RTM_GETROUTE, 0, RTMSG);
        w.u8[at] = c.AF_INET;
        w.u8[at + 1] = 32;
        w.attrIPv4(c.RTA_DST, address);
        w.end();
      },
      (m) => {
        m.scan(m.body + RTMSG);
        const metrics = m.nest(c.RTA_METRICS);
        if (!metrics) return 0;
        m.scan(metrics.from, metrics.to);
        return m.attrU32(RTAX_MTU);
      },
    );
    if (value) learned.set(address, value);
  }
  return learned;
}
