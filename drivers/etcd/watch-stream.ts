/**
 * Owns one raw watch stream: opens it, sends the one create request, and hands on what comes.
 *
 * - `end` is called once, or never after the returned stop(); nothing is handed on after either.
 * - A stream that is not acknowledged within the deadline ends: gRPC sets streams none, and waits for a silent server for ever.
 */
import type { IDuplexStream, IWatchCreateRequest, IWatchRequest, IWatchResponse } from 'etcd3';
import type { LiveCalls } from './grpc-options.ts';

interface Parts {
  request: IWatchCreateRequest;
  open(): Promise<IDuplexStream<IWatchRequest, IWatchResponse>>;
  live: LiveCalls;
  deadlineMs: number;
  /** Never a cancelled one. */
  response(response: IWatchResponse): void;
  end(error: Error): void;
}

/** etcd's reason to cancel a watch, as a text that failure-rules.ts knows; etcd 3.4 leaves it empty after a compaction. */
const cancelText = ({ compact_revision, cancel_reason }: IWatchResponse): string =>
  compact_revision === '0' ? cancel_reason || '14 UNAVAILABLE: watch cancelled' : 'revision has been compacted';

export function openWatchStream(parts: Parts): () => void {
  let stream: IDuplexStream<IWatchRequest, IWatchResponse> | undefined;
  let over = false;

  const hangUp = () => {
    // Ended before it is cancelled: etcd3 takes the cancel of a writable stream for a failed host and drops its channels.
    stream?.end();
    stream?.cancel();
  };
  const stop = () => {
    over = true;
    clearTimeout(timer);
    forget();
    hangUp();
  };
  const end = (error: Error) => {
    if (over) return;
    stop();
    parts.end(error);
  };

  const forget = parts.live.add((why) => end(new Error(why)));
  const timer = setTimeout(() => end(new Error('4 DEADLINE_EXCEEDED: watch not acknowledged')), parts.deadlineMs);

  parts.open().then((opened) => {
    stream = opened;
    // Without a listener the error that follows a cancel would end the process.
    stream.on('error', end);
    if (over) return hangUp();
    stream.on('end', () => end(new Error('14 UNAVAILABLE: the watch stream ended')));
    stream.on('data', (response) => {
      if (over) return;
      if (response.canceled) return end(new Error(cancelText(response)));
      if (response.created) clearTimeout(timer);
      parts.response(response);
    });
    stream.write({ create_request: parts.request });
  }, end);

  return stop;
}
