/**
 * Owns how long a name may take (resolver(3)). glibc's own measure is 5 s a server and try, 10 s for one that is silent; and Node waits for
 * what is being resolved when it ends (its threads are joined), however urgent that is.
 */

/** Each server a second, and twice: 3 s for one that is silent, and one behind it is asked after a second. RES_OPTIONS beats resolv.conf. */
const OPTIONS = 'timeout:1 attempts:2';

/** Before the first name is resolved: each thread reads it once. What somebody has set stays. */
export function boundResolver(): void {
  process.env.RES_OPTIONS ??= OPTIONS;
}

/** Ends the process at once, with nothing waited for, if a name is being resolved; else returns. All must be written by then. */
export async function endUnlessResolved(code: number): Promise<void> {
  if (!process.getActiveResourcesInfo().includes('GetAddrInfoReqWrap')) return;
  try {
    const { loadLibc } = await import('../netlink/libc.ts');
    loadLibc().func('void _exit(int)')(code);
  } catch {
    // the usual way, then
  }
}
