/**
 * Owns the question whether packets take our routes at all: somebody's longer route inside a subnet, or a policy rule, comes before them.
 *
 * - Nothing is asked of the kernel for what no such route or rule concerns, however many peers there are.
 * - What seems to come before is only a suspicion: the kernel's own answer decides, for the host and for its containers.
 */
import { type Cidr, contains, formatIp, networkOf, overlaps, parseCidr } from '../../config/ipv4.ts';
import type { HeldEntry } from '../contracts/report.ts';
import type { Answer, Question, Routing, Rule } from '../contracts/routing.ts';
import { keyOf, MAIN_TABLE, type Route, SELVAGE_PROTOCOL, textOf } from '../kinds/index.ts';
import { KERNEL_PROTOCOL } from '../kinds/marks.ts';

export interface DetourView {
  network: string;
  /** Prefix length of the subnet. */
  length: number;
  /** This host's subnet. */
  own: string;
  /** Subnets of the peers that are served. */
  peers(): Iterable<string>;
  uplink: string;
  /** The devices that our routes are on. */
  devices: readonly string[];
  /** Where this host's containers are. */
  bridge: string | undefined;
}

/** What may come before our routes. */
interface Suspect {
  range: Cidr;
  rule?: Rule;
  route?: Route;
}

const REJECTING = new Set(['blackhole', 'unreachable', 'prohibit']);
/** So many are looked into at most in one pass; a host with more has other troubles. */
const MOST = 256;

export function findDetours(routing: Routing, view: DetourView): HeldEntry[] {
  const suspects = suspectsOf(routing, view).slice(0, MOST);
  if (suspects.length === 0) return [];
  const subnets = [view.own, ...view.peers()].flatMap((text) => {
    const range = parseCidr(text);
    return range ? [{ text, range }] : [];
  });
  return suspects.flatMap((suspect) => {
    const concerned = subnets.filter(({ range }) => overlaps(range, suspect.range));
    // The own subnet and one peer stand for all that the same route or rule concerns.
    const samples = [
      ...concerned.filter(({ text }) => text === view.own),
      ...concerned.filter(({ text }) => text !== view.own).slice(0, 1),
    ];
    const found = samples.filter(({ text, range }) => isDiverted(routing, view, suspect, text, range));
    if (found.length === 0) return [];
    const isOwnOnly = found.every(({ text }) => text === view.own);
    const hit = concerned.filter(({ text }) =>
      text === view.own ? found.some((one) => one.text === text) : !isOwnOnly,
    );
    return [
      entryOf(
        suspect,
        hit.map(({ text }) => text),
        view,
      ),
    ];
  });
}

/** For the peers of an edge alone: the kernel's answer for each. */
export function detoursOf(subnets: readonly string[], routing: Routing, view: DetourView): HeldEntry[] {
  return subnets.flatMap((subnet) => {
    const range = parseCidr(subnet);
    const [route] = range ? waysTo(routing, view, range, range) : [];
    if (!route?.route || !isOther(route.route, subnet, view)) return [];
    return [entryOf({ range: parseCidr(route.route.dst)!, route: route.route }, [subnet], view)];
  });
}

function suspectsOf(routing: Routing, view: DetourView): Suspect[] {
  const suspects: Suspect[] = [];
  for (const route of routing.longer(view.length, view.own)) {
    const range = parseCidr(route.dst);
    if (range && contains(view.network, range) && isForeign(route, view)) suspects.push({ range, route });
  }
  for (const rule of routing.rules()) {
    const to = parseCidr(rule.to || view.network);
    if (!to || !overlaps(to, view.network)) continue;
    if (rule.action !== 'lookup') suspects.push({ range: to, rule });
    else for (const route of routing.table(rule.table)) addFromTable(route, rule, to, view, suspects);
  }
  return suspects;
}

function addFromTable(route: Route, rule: Rule, to: Cidr, view: DetourView, suspects: Suspect[]): void {
  const range = parseCidr(route.dst);
  if (!range || route.type === 'throw' || !overlaps(range, to) || !overlaps(range, view.network)) return;
  suspects.push({ range: range.length > to.length ? range : to, rule, route });
}

/** What the kernel makes of an address is the business of guards.ts. */
const isForeign = ({ protocol, dev, type }: Route, { devices }: DetourView): boolean =>
  protocol !== SELVAGE_PROTOCOL &&
  protocol !== KERNEL_PROTOCOL &&
  !devices.includes(dev) &&
  type !== 'local' &&
  type !== 'broadcast';

function isDiverted(routing: Routing, view: DetourView, suspect: Suspect, subnet: string, range: Cidr): boolean {
  const rejects = REJECTING.has(suspect.rule?.action ?? '') || REJECTING.has(suspect.route?.type ?? '');
  return waysTo(routing, view, suspect.range, range).some(({ route, error }) =>
    error === undefined ? isOther(route, subnet, view) : rejects,
  );
}

/** The way to an address in both ranges: of this host, and of its containers. */
function waysTo(routing: Routing, view: DetourView, suspect: Cidr, subnet: Cidr): Answer[] {
  const { ip, length } = suspect.length > subnet.length ? suspect : subnet;
  // Not the first ones, which are the bridge's and the device's own, on the host itself.
  const address = formatIp(networkOf(ip, length) + (length < 30 ? 3 : length < 32 ? 1 : 0));
  const questions: Question[] = [{ address }];
  const own = parseCidr(view.own);
  if (view.bridge && own && own.length < 31 && !contains(own, suspect)) {
    const source = formatIp(networkOf(own.ip, own.length) + 2);
    questions.push({ address, from: { source, dev: view.bridge } });
  }
  return routing.ask(questions);
}

/** Whether the kernel's answer for an address in `subnet` is somebody else's. That ours is missing is drift, and not said here. */
function isOther(route: Route, subnet: string, view: DetourView): boolean {
  if (route.type === 'local' || route.type === 'broadcast') return false;
  if (route.table !== MAIN_TABLE) return true;
  if (!contains(subnet, route.dst) || !isForeign(route, view)) return false;
  // Containers of this host are on its own links; whose subnet has a gateway is elsewhere.
  if (subnet === view.own) return route.gateway !== '' || route.dev === view.uplink || REJECTING.has(route.type);
  return route.dst !== subnet;
}

function entryOf({ rule, route }: Suspect, subnets: readonly string[], view: DetourView): HeldEntry {
  const [first, ...more] = subnets.map((subnet) => (subnet === view.own ? `this host's own subnet ${subnet}` : subnet));
  const rest = more.length > 2 ? `, ${more[0]} and ${more.length - 1} more` : more.map((one) => `, ${one}`).join('');
  const way = route ? `take the route ${textOf(route)}` : 'go nowhere';
  const because = rule ? ` because of the rule "${rule.priority}: ${rule.text}"` : '';
  const cure = rule
    ? `remove that rule, or give it a priority above 32766`
    : 'remove that route, or the containers behind it can not be reached';
  const detail = `Packets to ${first}${rest} ${way}${because}, which comes before selvage's; ${cure}.`;
  const key = rule ? `rule ${rule.priority}${route ? ` ${keyOf(route)}` : ''}` : keyOf(route!);
  return { kind: 'route', key, why: rule ? 'foreign rule' : 'foreign route', detail, unmet: true };
}
