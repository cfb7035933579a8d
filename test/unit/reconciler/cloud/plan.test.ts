/** What is to be done in a cloud's tables: golden pairs of what is there and what comes of it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CloudObserved, CloudRoute, CloudWant } from '../../../../reconciler/cloud/model.ts';
import { type CloudPlanInput, isInForce, planCloud } from '../../../../reconciler/cloud/plan.ts';

const SUBNET = '10.20.3.0/24';
const WANT: CloudWant = { cloud: 'aws-vpc', network: '10.20.0.0/16', subnet: SUBNET, address: '10.0.0.5' };
const SELF = { target: 'eni-1', name: 'eni-1 of i-1', vpc: 'vpc-1', ranges: ['10.0.0.0/16'], forwards: true };

const route = (parts: Partial<CloudRoute> = {}): CloudRoute => ({
  kind: 'cloud-route',
  table: 'rtb-1',
  name: '',
  dst: SUBNET,
  target: 'eni-1',
  toHost: true,
  live: true,
  plain: true,
  ...parts,
});
const input = (routes: CloudRoute[], more: Partial<CloudPlanInput> = {}, seen: Partial<CloudObserved> = {}) => ({
  want: WANT,
  observed: { self: SELF, tables: ['rtb-1'], routes, problems: [], ...seen },
  leased: new Set([SUBNET]),
  complete: true,
  keepStale: false,
  ...more,
});
const summary = (of: CloudPlanInput) => {
  const { changes, held } = planCloud(of);
  return [...changes.map(({ op, key, reason }) => `${op} ${key}: ${reason}`), ...held.map(({ why }) => `held: ${why}`)];
};

describe('the own route', () => {
  it('is left as it is where it is right', () => {
    const right = input([route()]);
    assert.deepEqual(summary(right), []);
    assert.equal(isInForce(right), true);
  });

  it('is made in every table where it is missing', () => {
    const two = input([route({ table: 'rtb-2' })], {}, { tables: ['rtb-1', 'rtb-2'] });
    assert.deepEqual(summary(two), [`create rtb-1|${SUBNET}: missing`]);
    assert.equal(isInForce(two), false);
  });

  it('is replaced where it leads to another host, dead or alive: the lease says whose the subnet is', () => {
    assert.deepEqual(summary(input([route({ target: 'eni-9' })])), [`update rtb-1|${SUBNET}: leads to another host`]);
    const dead = input([route({ target: 'eni-9', live: false })]);
    assert.deepEqual(summary(dead), [`update rtb-1|${SUBNET}: leads to a host that is gone`]);
  });

  it("is held where somebody's gateway, or the cloud itself, has that range", () => {
    const gateway = input([route({ target: 'vgw-1', toHost: false })]);
    assert.deepEqual(summary(gateway), ['held: foreign route']);
    assert.match(planCloud(gateway).held[0]?.detail ?? '', /rtb-1.*10\.20\.3\.0\/24.*vgw-1.*left alone/);
    assert.equal(planCloud(gateway).held[0]?.unmet, true);
    assert.deepEqual(summary(input([route({ target: 'eni-9', plain: false })])), ['held: foreign route']);
  });

  it('is not fought for where the cloud calls this host gone', () => {
    assert.deepEqual(summary(input([route({ live: false })])), ['held: black hole']);
  });
});

describe('the host', () => {
  it('has its source/dest check switched off, only if it is on', () => {
    const on = input([route()], {}, { self: { ...SELF, forwards: false } });
    assert.deepEqual(summary(on), ['update eni-1: drops the packets of containers']);
    assert.equal(isInForce(on), false);
    assert.deepEqual(summary(input([route()], {}, { self: { ...SELF, forwards: undefined } })), []);
  });

  it('is told of ranges that overlap, and of an empty list of tables', () => {
    const overlap = input([route()], {}, { self: { ...SELF, ranges: ['10.16.0.0/12'] } });
    assert.deepEqual(summary(overlap), ['held: overlaps the VPC']);
    assert.deepEqual(summary(input([], {}, { tables: [] })), ['held: no route table']);
  });
});

describe('what nobody needs any more', () => {
  const dead = route({ dst: '10.20.9.0/24', target: 'eni-9', live: false });
  const earlier = route({ dst: '10.20.8.0/24' });

  it('goes: black holes, and earlier subnets of this host, after what is made', () => {
    assert.deepEqual(summary(input([dead, earlier])), [
      `create rtb-1|${SUBNET}: missing`,
      'delete rtb-1|10.20.9.0/24: its host is gone',
      'delete rtb-1|10.20.8.0/24: an earlier subnet of this host',
    ]);
  });

  it('stays while a lease names it, and while not all leases are known', () => {
    const leased = new Set([SUBNET, dead.dst, earlier.dst]);
    assert.deepEqual(summary(input([route(), dead, earlier], { leased })), []);
    assert.deepEqual(summary(input([route(), dead, earlier], { complete: false })), []);
  });

  it("is never another's: live ones, those outside the Network, the Network's own, gateways, and what AWS makes", () => {
    const others = [
      route({ dst: '10.20.9.0/24', target: 'eni-9' }),
      route({ dst: '10.99.9.0/24', target: 'eni-9', live: false }),
      route({ dst: '10.20.0.0/16' }),
      route({ dst: '10.20.7.0/24', target: 'nat-1', toHost: false, live: false }),
      route({ dst: '10.20.6.0/24', plain: false, live: false }),
      route({ table: 'rtb-2', dst: '10.20.9.0/24', live: false }),
    ];
    assert.deepEqual(summary(input([route(), ...others])), []);
  });

  it('may be of an earlier Network', () => {
    const left = route({ dst: '10.99.9.0/24' });
    assert.deepEqual(summary(input([route(), left], { want: { ...WANT, earlier: ['10.99.0.0/16'] } })), [
      'delete rtb-1|10.99.9.0/24: an earlier subnet of this host',
    ]);
  });

  it('is only reported with --keep-stale', () => {
    assert.deepEqual(summary(input([route(), dead], { keepStale: true })), ['held: stale']);
  });

  it('is the own route too, once the host has left this backend', () => {
    const left = { ...WANT, subnet: undefined, left: SUBNET };
    const theirs = route({ dst: '10.20.9.0/24' });
    const leased = new Set([SUBNET, theirs.dst]);
    assert.deepEqual(summary(input([route(), theirs], { want: left, leased })), [
      `delete rtb-1|${SUBNET}: this host is reached on another path now`,
    ]);
  });
});

describe("Google's routes", () => {
  const want: CloudWant = { ...WANT, cloud: 'gce' };
  const NAME = 'flannel-10-20-3-0-24';
  const own = (parts: Partial<CloudRoute> = {}) => route({ table: 'default', name: NAME, target: 'eni-1', ...parts });
  const of = (routes: CloudRoute[], self = {}) =>
    input(routes, { want }, { tables: ['default'], self: { ...SELF, ...self } });

  it('have names, and are made anew where they lead elsewhere or have tags', () => {
    assert.deepEqual(summary(of([])), [`create ${NAME}: missing`]);
    assert.deepEqual(summary(of([own()])), []);
    assert.deepEqual(summary(of([own({ target: 'other' })])), [`update ${NAME}: leads to another host`]);
    assert.deepEqual(summary(of([own({ plain: false })])), [`update ${NAME}: differs`]);
  });

  it('are held where the name is taken in another VPC or for another range', () => {
    const other = of([own({ table: 'other' })]);
    assert.deepEqual(summary(other), ['held: name is taken']);
    assert.match(planCloud(other).held[0]?.detail ?? '', /in the network other.*two VPCs/);
    assert.deepEqual(summary(of([own({ dst: '10.99.0.0/24' })])), ['held: name is taken']);
    assert.deepEqual(summary(of([own({ name: 'by-hand', target: 'other' })])), ['held: foreign route']);
  });

  it("go by flannel's name only, and in the own network only", () => {
    const gone = own({ name: 'flannel-10-20-9-0-24', dst: '10.20.9.0/24', target: 'x', live: false });
    assert.deepEqual(summary(of([own(), gone])), ['delete flannel-10-20-9-0-24: its host is gone']);
    assert.deepEqual(summary(of([own(), { ...gone, name: 'by-hand' }, { ...gone, table: 'other' }])), []);
  });

  it('need canIpForward, which only a person can give', () => {
    assert.deepEqual(summary(of([own()], { forwards: false })), ['held: canIpForward is off']);
  });
});
