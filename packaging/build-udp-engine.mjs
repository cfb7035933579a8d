/**
 * Owns dist/udp-engine.cjs: the udp data path as a program of its own, small, for it stays in memory as long as the host is in the network.
 * The WebAssembly is assembled here and put into it.
 */
import { join } from 'node:path';
import { bundle } from './bundle.mjs';
import { root } from './script.mjs';
import { assembleWat } from './wat.mjs';

export const UDP_ENGINE = 'udp-engine.cjs';

/** Its text and inputs. */
export async function bundleUdpEngine() {
  const wasm = await assembleWat(join(root, 'drivers/udp/engine/ones-sum.wat'));
  return bundle(join(root, 'drivers/udp/engine/main.ts'), UDP_ENGINE, {
    external: ['*/wat.mjs'],
    define: { SELVAGE_ONES_SUM: JSON.stringify(Buffer.from(wasm).toString('base64')) },
  });
}
