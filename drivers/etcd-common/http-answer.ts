/** Owns the words for an HTTP answer that is no etcd's: a proxy's, another server's, a redirection. failure-rules.ts reads them back. */
import { type IncomingHttpHeaders, STATUS_CODES } from 'node:http';

interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** As one text, which is the error's. */
export function httpAnswer({ status, headers, body }: HttpAnswer): string {
  const isHtml = /html/.test(headers['content-type'] ?? '') || /^\s*<(!doctype|html)/i.test(body);
  const to = headers.location === undefined ? '' : ` to ${headers.location}`;
  return `HTTP status code ${status}${isHtml ? ' as HTML' : ''}${to}`;
}

/** "HTTP status code 301 as HTML to http://…"; gRPC has the first part of it only. */
export const HTTP_ANSWER = /HTTP status code (\d+)( as HTML)?(?: to (\S+))?/;

const GATEWAY = new Set([502, 503, 504]);

export function httpSays([, code, html, to]: RegExpExecArray): string {
  const status = Number(code);
  const named = `HTTP status ${[code, STATUS_CODES[status]].filter(Boolean).join(' ')}`;
  if (to && status >= 300 && status < 400) return `redirects to ${to} (${named}), which etcd never does`;
  if (GATEWAY.has(status)) return `is a proxy that can't reach its server (${named})`;
  return `answers with ${named}${html ? ' and a page of HTML' : ''}, as no etcd does`;
}

export function httpHint([, code, , to]: RegExpExecArray): string {
  const status = Number(code);
  if (to && status >= 300 && status < 400) return 'write the address of etcd itself in --etcd-endpoints';
  if (GATEWAY.has(status)) return 'is etcd running behind it, and does it pass on HTTP/2, which etcd v3 speaks?';
  return 'something else listens there; is --etcd-endpoints right?';
}
