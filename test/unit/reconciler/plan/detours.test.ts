import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { contains, parseCidr } from '../../../../config/ipv4.ts';
import type { Answer, Question, Routing, Rule } from '../../../../reconciler/contracts/routing.ts';
import type { Route } from '../../../../reconciler/kinds/index.ts';
import { type DetourView, detoursOf, findDetours } from '../../../../reconciler/plan/detours.ts';

const route = (dst: string, parts: Partial<Route> = {}): Route => ({
  kind: 'route',
  table: 254,
  dst,
  tos: 0,
  metric: 0,
  dev: 'eth0',
  gateway: '192.168.64.1',
  onlink: false,
  nexthopId: 0,
  protocol: 3,
  type: 'unicast',
  plain: true,
  ...parts,
});
const ours = (dst: string): Route => route(dst, { dev: 'flannel.1', protocol: 115 });

/** A kernel that knows rules without conditions but `to`, tables, and the longest prefix. */
class Kernel implements Routing {
  asked = 0;
  main: Route[];
  others: Route[];
  rulesThere: Rule[];
  constructor(main: Route[], rules: Rule[] = [], others: Route[] = []) {
    this.main = main;
    this.rulesThere = rules;
    this.others = others;
  }
  rules() {
    return this.rulesThere;
  }
  table(table: number) {
    return this.others.filter((one) => one.table === table);
  }
  longer(length: number, own: string) {
    return this.main.filter(({ dst }) => parseCidr(dst)!.length > length || dst === own);
  }
  ask(questions: readonly Question[]): Answer[] {
    this.asked += questions.length;
    return questions.map(({ address }) => {
      const best = (routes: Route[]) =>
        routes
          .filter(({ dst }) => contains(dst, address))
          .sort((a, b) => parseCidr(b.dst)!.length - parseCidr(a.dst)!.length)[0];
      for (const rule of this.rulesThere) {
        if (rule.to && !contains(rule.to, address)) continue;
        if (rule.action !== 'lookup') return { error: 'EACCES' };
        const found = best(this.table(rule.table));
        if (found) return { route: found };
      }
      const found = best(this.main);
      return found ? { route: found } : { error: 'ENETUNREACH' };
    });
  }
}

const PEERS = Array.from({ length: 16 }, (_, n) => `10.5.${n + 100}.0/24`);
const view: DetourView = {
  network: '10.5.0.0/16',
  length: 24,
  own: '10.5.8.0/24',
  peers: () => PEERS,
  uplink: 'eth0',
  devices: ['flannel.1'],
  bridge: undefined,
};
const main = [...PEERS.map(ours), route('10.5.8.0/24', { dev: 'docker0', gateway: '', protocol: 2 })];
const rule = (parts: Partial<Rule>): Rule => ({
  priority: 5,
  action: 'lookup',
  table: 100,
  to: '',
  text: 'a rule',
  ...parts,
});

describe('detours', () => {
  it('asks nothing of the kernel where nobody has put anything', () => {
    const kernel = new Kernel(main);
    assert.deepEqual(findDetours(kernel, view), []);
    assert.equal(kernel.asked, 0);
  });

  it('asks twice for one rule, whatever it concerns, and names it once', () => {
    const kernel = new Kernel(main, [rule({})], [route('10.0.0.0/8', { table: 100 })]);
    const [entry, ...more] = findDetours(kernel, view);
    assert.equal(more.length, 0);
    assert.equal(kernel.asked, 2);
    assert.match(
      entry!.detail,
      /own subnet 10\.5\.8\.0\/24, 10\.5\.100\.0\/24 and 15 more take the route 10\.0\.0\.0\/8 .*"5: a rule"/,
    );
    assert.ok(entry!.unmet);
  });

  it('believes the kernel, not the suspicion', () => {
    const throwing = new Kernel(main, [rule({ to: '10.5.7.0/24' })], [route('10.0.0.0/8', { table: 100 })]);
    assert.deepEqual(findDetours(throwing, view), [], 'nobody lives there');
    const other = new Kernel(main, [rule({ action: 'prohibit', to: '10.5.103.0/24' })]);
    assert.deepEqual(
      findDetours(other, view).map(({ detail }) => /^Packets to 10\.5\.103\.0\/24 go nowhere/.test(detail)),
      [true],
    );
  });

  it('leaves containers of this host alone: their own routes, addresses and links', () => {
    const own = [
      route('10.5.8.7/32', { dev: 'veth1', gateway: '', protocol: 3 }),
      route('10.5.8.1/32', { type: 'local', table: 254, dev: 'docker0', gateway: '' }),
    ];
    assert.deepEqual(findDetours(new Kernel([...main, ...own]), view), []);
  });

  for (const [what, odd] of [
    ['with a gateway', route('10.5.8.128/25')],
    ['by the uplink', route('10.5.8.7/32', { gateway: '' })],
    ['to nowhere', route('10.5.8.7/32', { type: 'blackhole', dev: '', gateway: '' })],
    ['inside a peer', route('10.5.104.9/32', { dev: 'tun0', gateway: '' })],
  ] as const) {
    it(`names a route ${what}`, () => {
      const kernel = new Kernel([...main, odd]);
      assert.deepEqual(
        findDetours(kernel, view).map(({ key }) => key),
        [`254|${odd.dst}|0|0`],
      );
    });
  }

  it('for an edge about one peer asks for that one', () => {
    const kernel = new Kernel(main, [rule({})], [route('10.0.0.0/8', { table: 100 })]);
    assert.equal(detoursOf(['10.5.103.0/24'], kernel, view).length, 1);
    assert.equal(kernel.asked, 1);
    assert.deepEqual(detoursOf(['10.5.103.0/24'], new Kernel(main), view), []);
  });
});
