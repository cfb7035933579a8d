/** Owns what etcd itself has counted (its /metrics): what a stretch of time has cost it is the difference of two looks. */

/** What one stretch of time has cost etcd. Bytes are of gRPC's messages, without HTTP/2's and TCP's own. */
export interface Cost {
  /** Requests by method: "KV/Range". One that keeps a stream open counts when it begins. */
  requests: Record<string, number>;
  /** Changes of keys that were sent to watches, one for each change and watch. */
  events: number;
  received: number;
  sent: number;
  /** fsyncs of the write-ahead log. */
  fsyncs: number;
  /** Requests over the v2 API, long polls among them. */
  http: number;
  /** CPU of the server, seconds. */
  cpu: number;
}

const EVENTS = 'etcd_debugging_mvcc_events_total';

export class Counters {
  readonly #samples = new Map<string, number>();

  static async of(endpoint: string): Promise<Counters> {
    const answer = await fetch(`${endpoint}/metrics`);
    if (!answer.ok) throw new Error(`${endpoint}/metrics answered ${answer.status}`);
    return new Counters(await answer.text());
  }

  constructor(text: string) {
    for (const line of text.split('\n')) {
      const [, sample, value] = /^([^#\s][^}\s]*(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
      if (sample !== undefined) this.#samples.set(sample, Number(value));
    }
  }

  /** Of one metric, all its label sets together. */
  total(name: string): number {
    let sum = 0;
    for (const [sample, value] of this.#samples) if (sample === name || sample.startsWith(`${name}{`)) sum += value;
    return sum;
  }

  get requests(): Map<string, number> {
    const found = new Map<string, number>();
    for (const [sample, value] of this.#samples) {
      const [, method, service] =
        /^grpc_server_started_total\{grpc_method="(\w+)",grpc_service="etcdserverpb\.(\w+)"/.exec(sample) ?? [];
      if (method !== undefined && value > 0) found.set(`${service}/${method}`, value);
    }
    return found;
  }

  /** Requests over the v2 API: etcd counts its long polls apart. */
  get http(): number {
    return this.total('etcd_http_received_total') + this.total('etcd_debugging_store_watch_requests_total');
  }

  /** Grows with everything that is asked or told. */
  get activity(): number {
    return [...this.requests.values()].reduce((sum, count) => sum + count, this.http) + this.total(EVENTS);
  }

  /** What was counted since `before`. */
  since(before: Counters): Cost {
    const grown = (name: string): number => this.total(name) - before.total(name);
    const requests: Record<string, number> = {};
    for (const [method, value] of this.requests) {
      const more = value - (before.requests.get(method) ?? 0);
      if (more > 0) requests[method] = more;
    }
    return {
      requests,
      events: grown(EVENTS),
      received: grown('etcd_network_client_grpc_received_bytes_total'),
      sent: grown('etcd_network_client_grpc_sent_bytes_total'),
      fsyncs: grown('etcd_disk_wal_fsync_duration_seconds_count'),
      http: this.http - before.http,
      cpu: grown('process_cpu_seconds_total'),
    };
  }
}

export const requestsOf = ({ requests, http }: Cost): number =>
  Object.values(requests).reduce((sum, count) => sum + count, http);
