/** The kernel in memory keeps the same contract as the real one (test/lab/drivers/netlink/contract.test.ts), and can be disturbed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Scope } from '../../../reconciler/contracts/scope.ts';
import { everything } from '../../../reconciler/contracts/scope.ts';
import { BASE, INSTANCE } from '../../helpers/hosts.ts';
import { type Delivery, ModelDriver, populate } from '../../helpers/model-driver.ts';
import { Crash, ModelKernel } from '../../helpers/model-kernel.ts';
import { linkWant, overlayOf, peersOf, wantsOf } from '../../helpers/wants.ts';
import { type ContractHost, driverContract } from '../../lab/contract/driver-contract.ts';

async function make(): Promise<ContractHost> {
  const kernel = new ModelKernel();
  populate(kernel, BASE);
  const driver = new ModelDriver(kernel);
  return {
    driver,
    put: async (resource) => populate(kernel, [resource]),
    removeNexthop: async (id) => kernel.deleteNexthop(id),
    setLink: async (name, change) => kernel.setLink(name, change),
    removeLink: async (name) => kernel.deleteLink(name),
    deliver: () => driver.deliver(),
    close: () => driver.close(),
  };
}

driverContract('the kernel in memory', make);

const overlay = overlayOf({ instance: INSTANCE, peers: peersOf(2) });
const interest = { networks: INSTANCE.networks, devices: ['flannel.1'], uplink: 'eth0', files: [INSTANCE.subnetFile] };

test('a crash ends the process between two messages, and nothing is undone', async () => {
  const { driver } = (await make()) as ContractHost & { driver: ModelDriver };
  const want = linkWant(overlay);
  driver.kernel.crashAfter = driver.kernel.writes + 1;
  await assert.rejects(driver.apply([{ op: 'create', id: 'link flannel.1', reason: '', want }]), Crash);
  assert.equal(driver.kernel.link('flannel.1')?.alias, '', 'made, and not marked yet');
});

test('an incomplete listing says so', async () => {
  const { driver } = (await make()) as ContractHost & { driver: ModelDriver };
  driver.hides = (have) => have.kind === 'link';
  const { haves, complete, problem } = await driver.list(everything(), interest);
  assert.deepEqual([haves, complete], [[], false]);
  assert.ok(problem);
});

test('the identical makes no event, but for a nexthop object', async () => {
  const told = async (delivery: Delivery): Promise<string[]> => {
    const { driver } = (await make()) as ContractHost & { driver: ModelDriver };
    const { kernel } = driver;
    populate(kernel, wantsOf(overlay).values());
    const seen: string[] = [];
    await driver.watch((scope: Scope) => seen.push([...scope.ids, ...scope.links].join()));
    driver.delivery = delivery;
    for (const have of kernel.all()) {
      if (have.kind === 'neighbour') kernel.setNeighbour(have, 'replace');
      if (have.kind === 'fdb') kernel.setFdb(have, 'replace');
      if (have.kind === 'route') kernel.setRoute(have, 'replace');
      if (have.kind === 'nexthop' && have.gateway === '10.5.2.0') kernel.setNexthop(have, 'replace');
    }
    driver.deliver();
    return seen;
  };
  const both = ['nexthop 168100352', 'route 254|10.5.2.0/24|0|0'];
  assert.deepEqual(await told('faithful'), both);
  assert.deepEqual(await told('reversed'), both.toReversed());
  assert.deepEqual(await told('doubled'), [both[0], both[0], both[1], both[1]]);
  assert.deepEqual(await told('lost'), []);
});

test('quiet successes: an FDB append changes nothing, nor does a delete of another destination', () => {
  const kernel = new ModelKernel();
  populate(kernel, [...BASE, ...wantsOf(overlay).values()]);
  const fdb = kernel.all().find((have) => have.kind === 'fdb');
  assert.ok(fdb?.kind === 'fdb');
  const before = kernel.all();
  kernel.setFdb({ ...fdb, dst: '198.18.7.7' }, 'append');
  kernel.deleteFdb({ ...fdb, dst: '198.18.7.7' });
  assert.deepEqual(kernel.all(), before);
});
