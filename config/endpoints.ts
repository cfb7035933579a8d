/** Where etcd is: "http://127.0.0.1:2379", or "127.0.0.1:2379" with the scheme left to whether there are TLS files, as in etcd's own client. */

const ENDPOINT = /^(?:(https?):\/\/)?(\[[0-9a-f:.]+\]|[^\s:/?#@[\]]+):(\d{1,5})\/?$/i;

/** One endpoint without a slash at the end; `scheme` undefined if it names none. */
export interface Endpoint {
  scheme: 'http' | 'https' | undefined;
  /** "127.0.0.1:2379", "[::1]:2379" */
  host: string;
}

/** What to say of a text that isn't a list of them. */
export const ENDPOINTS_RIGHT =
  'a comma-separated list of URLs with host and port and no path, such as http://127.0.0.1:2379';

/** Reads a comma list; undefined if an entry is no endpoint. Spaces around an entry don't count. */
export function parseEndpoints(text: string): Endpoint[] | undefined {
  const endpoints: Endpoint[] = [];
  for (const part of text.split(',')) {
    const match = ENDPOINT.exec(part.trim());
    const port = Number(match?.[3]);
    if (!match || port < 1 || port > 65535) return undefined;
    const scheme = match[1]?.toLowerCase() as 'http' | 'https' | undefined;
    endpoints.push({ scheme, host: `${match[2]}:${match[3]}` });
  }
  return endpoints;
}

/** As URLs. Without a scheme: https if TLS files are given, else http. */
export const endpointUrls = (endpoints: readonly Endpoint[], tls: boolean): string[] =>
  endpoints.map(({ scheme, host }) => `${scheme ?? (tls ? 'https' : 'http')}://${host}`);
