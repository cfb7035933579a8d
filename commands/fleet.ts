/** Owns `selvage fleet`: the whole network from one place, each lease joined with what its host says of itself. */
import { openStore } from '../compose.ts';
import type { Options } from '../config/options.ts';
import { isPermanent } from '../reconciler/contracts/source.ts';
import { EXIT } from '../reconciler/report/exit-code.ts';
import { fleetDocument, renderFleet } from '../reconciler/report/fleet.ts';
import { leasesDocument } from '../reconciler/report/leases.ts';
import { Mirror } from '../reconciler/store/mirror.ts';
import { readWords } from '../states/fleet-words.ts';
import { answer, formatOf, lookOf } from './answer.ts';

/** Exit code 2 if something is wrong with any host. @throws StoreError */
export async function fleet(options: Options): Promise<number> {
  const { prefix } = options.etcd;
  const source = openStore(options);
  try {
    const mirror = new Mirror(prefix);
    mirror.applySnapshot(await source.snapshot(), Date.now());
    const ids = mirror.allLeases.filter((lease) => !isPermanent(lease)).map(({ leaseId }) => leaseId);
    const timeLeft = await source.leases.timeLeft([...new Set(ids)]);
    const words = await readWords(source, prefix, Date.now());
    const document = fleetDocument(leasesDocument(mirror, source, timeLeft), words, options.wrong);
    answer(renderFleet(document, formatOf(options), lookOf(options)));
    return document.summary.wrong > 0 ? EXIT.drift : EXIT.ok;
  } finally {
    await source.close();
  }
}
