/**
 * Owns one HTTP exchange with a cloud: the deadline, and how no answer at all is told. What an answer means is its caller's.
 *
 * - Never follows a redirect: a signed request or a token would go where nobody meant it to.
 */
import { CloudError } from '../../reconciler/cloud/failure.ts';

export interface Exchange {
  method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  url: string;
  headers?: Record<string, string>;
  body?: string;
  /** For the whole exchange, ms. */
  deadlineMs: number;
  signal?: AbortSignal;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

/** @param who for sentences: "the metadata service at http://169.254.169.254". @throws CloudError transient: no answer */
export async function exchange(
  who: string,
  { method, url, headers, body, deadlineMs, signal }: Exchange,
): Promise<Answer> {
  const deadline = AbortSignal.timeout(deadlineMs);
  try {
    const response = await fetch(url, {
      method,
      headers,
      body,
      redirect: 'manual',
      signal: signal ? AbortSignal.any([deadline, signal]) : deadline,
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  } catch (error) {
    if (signal?.aborted) throw error;
    const code = deadline.aborted ? 'ETIMEDOUT' : codeOf(error);
    const why = deadline.aborted ? `no answer in ${deadlineMs / 1000} s` : code;
    throw new CloudError(
      {
        kind: 'transient',
        code,
        message: `${capital(who)} can't be reached (${why}); see that this host has a way to it.`,
      },
      error,
    );
  }
}

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** fetch hides the socket's error in the cause, or in one of several causes. */
function codeOf(error: unknown): string {
  const { cause, code, errors, message } = error as NodeJS.ErrnoException & { cause?: unknown; errors?: unknown[] };
  if (typeof code === 'string') return code;
  if (cause !== undefined) return codeOf(cause);
  if (Array.isArray(errors) && errors.length > 0) return codeOf(errors[0]);
  return message;
}
