/** Run by faults.test.ts as nobody: lists, tries to write, prints what came of it. */
import { openNetlink } from '../../../../drivers/netlink/driver.ts';
import { everything } from '../../../../reconciler/contracts/scope.ts';
import { create, interest, objectsOf, results, vtep } from './fixture.ts';

const driver = openNetlink();
const { haves, complete } = await driver.list(everything(), interest);
const outcomes = await driver.apply([create({ ...vtep, name: 'flannel.2' }), ...objectsOf(3).map(create)]);
process.stdout.write(JSON.stringify({ listed: haves.length, complete, outcomes: results(outcomes) }));
await driver.close();
