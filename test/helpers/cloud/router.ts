/**
 * Owns the packets of a fake VPC: it turns what a cloud's tables say into routes of this network namespace, and source/dest checks into nft
 * rules that drop. Runs in the router's namespace (vpc-process.ts).
 *
 * - Each host has a port of its own, and a kernel table of the route table that its subnet uses.
 */
import { execFile } from 'node:child_process';

/** What a host's packets go by. */
export interface Port {
  /** "port1" */
  name: string;
  address: string;
  /** Whether the cloud drops what is not of, or for, the host's own address. */
  isChecked: boolean;
  /** Routes that the host's packets go by; `via`: address of another port, undefined for a black hole. */
  routes: { dst: string; via: string | undefined }[];
}

const FIRST_TABLE = 1000;

export class Router {
  readonly #tables = new Map<string, number>();
  readonly #made = new Map<number, Map<string, string>>();
  #rules = '';
  #last: Promise<unknown> = Promise.resolve();

  /** Brings the kernel to what `ports` say; one after the other, in the order of the calls. */
  program(ports: readonly Port[]): Promise<void> {
    const done = this.#last.then(() => this.#program(ports));
    this.#last = done.catch(() => {});
    return done;
  }

  async #program(ports: readonly Port[]): Promise<void> {
    const lines: string[] = [];
    for (const { name, routes } of ports) {
      let table = this.#tables.get(name);
      if (table === undefined) {
        table = FIRST_TABLE + this.#tables.size;
        this.#tables.set(name, table);
        this.#made.set(table, new Map());
        lines.push(`rule add pref ${table} iif ${name} lookup ${table}`);
      }
      const made = this.#made.get(table)!;
      const wanted = new Map(routes.map(({ dst, via }) => [dst, wayTo(via, ports)]));
      for (const [dst, way] of wanted) {
        if (made.get(dst) === way) continue;
        lines.push(
          way === 'blackhole'
            ? `route replace blackhole ${dst} table ${table}`
            : `route replace ${dst} ${way} table ${table}`,
        );
        made.set(dst, way);
      }
      for (const [dst, way] of [...made]) {
        if (wanted.has(dst)) continue;
        lines.push(`route del ${way === 'blackhole' ? 'blackhole ' : ''}${dst} table ${table}`);
        made.delete(dst);
      }
    }
    if (lines.length) await run('ip', ['-batch', '-'], `${lines.join('\n')}\n`);
    const rules = rulesOf(ports);
    if (rules !== this.#rules) await run('nft', ['-f', '-'], rules);
    this.#rules = rules;
  }
}

function wayTo(via: string | undefined, ports: readonly Port[]): string {
  const port = ports.find(({ address }) => address === via);
  return port ? `via ${port.address} dev ${port.name} onlink` : 'blackhole';
}

function rulesOf(ports: readonly Port[]): string {
  const drops = ports
    .filter(({ isChecked }) => isChecked)
    .flatMap(({ name, address }) => [
      `iifname "${name}" ip saddr != ${address} counter drop`,
      `oifname "${name}" ip daddr != ${address} counter drop`,
    ]);
  const chain = `chain forward { type filter hook forward priority 0; policy accept;\n${drops.join('\n')}\n}`;
  return `table ip vpc {}\ndelete table ip vpc\ntable ip vpc {\n${chain}\n}\n`;
}

function run(command: string, args: string[], input: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, (error, _stdout, stderr) => {
      if (error) reject(new Error(`${command}: ${stderr}\n${input}`));
      else resolve();
    });
    child.stdin?.end(input);
  });
}
