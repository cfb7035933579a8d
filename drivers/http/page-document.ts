/**
 * Owns the status page as it is served: one document that loads nothing, and a policy by which it could not. Its parts are in page/; the build
 * has put it together.
 */
import { createHash } from 'node:crypto';
import type { Answer } from './read-only.ts';

declare const SELVAGE_PAGE: string | undefined;

let made: Promise<Answer> | undefined;

export function pageDocument(): Promise<Answer> {
  made ??= assemble();
  return made;
}

async function assemble(): Promise<Answer> {
  const body = await text();
  return {
    status: 200,
    body,
    type: 'text/html; charset=utf-8',
    headers: { 'content-security-policy': policyFor(body), 'cache-control': 'no-cache' },
  };
}

async function text(): Promise<string> {
  if (typeof SELVAGE_PAGE === 'string') return SELVAGE_PAGE;
  const { assemblePage } = await import('../../packaging/page.mjs');
  return assemblePage();
}

/** Only its own style and script, by their hashes; only this server is asked; and no text can become markup (Trusted Types). */
export function policyFor(document: string): string {
  const hashOf = (tag: string): string => {
    const content = document.split(`<${tag}>`)[1]?.split(`</${tag}>`)[0] ?? '';
    return `'sha256-${createHash('sha256').update(content).digest('base64')}'`;
  };
  return [
    "default-src 'none'",
    `script-src ${hashOf('script')}`,
    `style-src ${hashOf('style')}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; ');
}
