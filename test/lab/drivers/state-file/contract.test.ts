/** A file keeps the contract that all sources have in common, but that nothing is written by us and nothing expires. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatStateFile } from '../../../../drivers/state-file/document.ts';
import { FileSource } from '../../../../drivers/state-file/source.ts';
import { type ContractStore, sourceContract } from '../../contract/source-contract.ts';

/** One file a network. Every change is seen as one: a look at the file follows each, as a person's would be that far apart. */
class FileStore implements ContractStore {
  readonly folder = mkdtempSync(join(tmpdir(), `selvage-state-file-${process.pid}-`));
  readonly networks = new Map<
    string,
    { file: string; config?: string; leases: Map<string, string>; sources: FileSource[] }
  >();

  open(prefix: string) {
    const file = join(this.folder, `${prefix.replaceAll('/', '_')}.json`);
    const network = this.networks.get(prefix) ?? { file, leases: new Map<string, string>(), sources: [] };
    this.networks.set(prefix, network);
    writeFileSync(file, formatStateFile(undefined, new Map()));
    const source = new FileSource(file, prefix);
    network.sources.push(source);
    return source;
  }

  put(key: string, value: string) {
    return this.#change(key, value);
  }

  remove(key: string) {
    return this.#change(key, undefined);
  }

  async #change(key: string, value: string | undefined) {
    for (const [prefix, network] of this.networks) {
      const subnets = `${prefix}/subnets/`;
      if (key === `${prefix}/config`) network.config = value;
      else if (!key.startsWith(subnets)) continue;
      else if (value === undefined) network.leases.delete(key.slice(subnets.length));
      else network.leases.set(key.slice(subnets.length), value);
      const { file, config, leases } = network;
      writeFileSync(`${file}.new`, formatStateFile(config, leases));
      renameSync(`${file}.new`, file);
      for (const source of network.sources) await source.snapshot();
    }
  }

  async destroy() {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

sourceContract('a state file', async () => new FileStore(), { writable: false, expires: false });
