/**
 * Owns the state of a fake region of EC2: subnets, instances with their ENIs, route tables. What it takes and refuses is in ec2-actions.ts.
 * A route is a black hole if no running instance has its ENI: that is worked out at every read, as the cloud does.
 */
import { contains } from '../../../config/ipv4.ts';
import { Lagging } from './lagging.ts';

export interface Eni {
  id: string;
  instance: string;
  subnet: string;
  vpc: string;
  mac: string;
  address: string;
  sourceDestCheck: boolean;
}

export interface TableRoute {
  dst: string;
  /** One of them. */
  eni?: string;
  gateway?: string;
  prefixList?: string;
  origin: 'CreateRouteTable' | 'CreateRoute' | 'EnableVgwRoutePropagation';
}

export interface Table {
  id: string;
  vpc: string;
  main: boolean;
  subnets: string[];
  routes: TableRoute[];
}

interface State {
  enis: Eni[];
  tables: Table[];
}

export interface AwsOptions {
  /** Default 192.168.64.0/24. */
  vpcRange?: string;
  /** Reads after a write that are behind. */
  lag?: number;
  /** Routes that a table takes, its local one included. */
  quota?: number;
}

export const VPC = 'vpc-0a1';

export class AwsWorld {
  readonly region = 'eu-test-1';
  readonly vpcRange: string;
  quota: number;
  readonly #state: Lagging<State>;
  #count = 0;

  constructor({ vpcRange = '192.168.64.0/24', lag = 0, quota = 50 }: AwsOptions = {}) {
    this.vpcRange = vpcRange;
    this.quota = quota;
    this.#state = new Lagging<State>({ enis: [], tables: [] }, lag);
  }

  set lag(reads: number) {
    this.#state.reads = reads;
  }

  /** As packets go by it. */
  get truth(): State {
    return this.#state.truth;
  }

  read(): State {
    return this.#state.read();
  }

  write<R>(change: (state: State) => R): R {
    return this.#state.write(change);
  }

  /** `subnets`: those that use it; `main`: the VPC's. @returns its id */
  addTable({ main = false, subnets = [] as string[], vpc = VPC } = {}): string {
    const id = `rtb-0${(++this.#count).toString(16).padStart(3, '0')}`;
    const local: TableRoute = { dst: this.vpcRange, gateway: 'local', origin: 'CreateRouteTable' };
    this.truth.tables.push({ id, vpc, main, subnets, routes: [local] });
    return id;
  }

  /** A running instance with one ENI, its source/dest check on as EC2 makes them. */
  addInstance({ address, subnet = 'subnet-0a', vpc = VPC }: { address: string; subnet?: string; vpc?: string }): Eni {
    const hex = (++this.#count).toString(16).padStart(4, '0');
    const mac = `0a:00:00:00:${hex.slice(0, 2)}:${hex.slice(2)}`;
    const eni = { id: `eni-0${hex}`, instance: `i-0${hex}`, subnet, vpc, mac, address, sourceDestCheck: true };
    this.truth.enis.push(eni);
    return eni;
  }

  terminate(instance: string): void {
    this.truth.enis = this.truth.enis.filter((eni) => eni.instance !== instance);
  }

  table(id: string): Table {
    const table = this.truth.tables.find((one) => one.id === id);
    if (!table) throw new Error(`no table ${id}`);
    return table;
  }

  /** Somebody else's hand. */
  putRoute(table: string, route: Partial<TableRoute> & { dst: string }): void {
    this.removeRoute(table, route.dst);
    this.table(table).routes.push({ origin: 'CreateRoute', ...route });
  }

  removeRoute(table: string, dst: string): void {
    const of = this.table(table);
    of.routes = of.routes.filter((route) => route.dst !== dst);
  }

  /** dst → ENI or gateway, of what was made by a call. */
  madeRoutes(table: string): Record<string, string> {
    const made = this.table(table).routes.filter(({ origin }) => origin === 'CreateRoute');
    return Object.fromEntries(made.map(({ dst, eni, gateway }) => [dst, eni ?? gateway ?? '']));
  }

  isLive(route: TableRoute, enis = this.truth.enis): boolean {
    return route.eni === undefined || enis.some(({ id }) => id === route.eni);
  }

  /** The table that packets of a subnet go by. */
  tableOf(subnet: string, vpc = VPC): Table | undefined {
    const inVpc = this.truth.tables.filter((table) => table.vpc === vpc);
    return inVpc.find(({ subnets }) => subnets.includes(subnet)) ?? inVpc.find(({ main }) => main);
  }

  /** Where packets for an address go by a table: the route of the longest range that has it. */
  lookup(table: Table, address: string): TableRoute | undefined {
    const matching = table.routes.filter(({ dst }) => contains(dst, address));
    return matching.sort((one, other) => lengthOf(other.dst) - lengthOf(one.dst))[0];
  }
}

const lengthOf = (cidr: string): number => Number(cidr.split('/')[1]);
