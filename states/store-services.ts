/** Owns what the machine's store region may ask for. The synchronous ones read plain values and never throw; a rejection is an event to the machine. */
import type { Send } from './events.ts';

export interface StoreServices {
  /** Lists the store, and takes over what it says. @throws StoreError */
  connect(signal?: AbortSignal): Promise<{ revision: number }>;
  /** Watches from the revision after the listing. Returns what stops it. */
  watchStore(send: Send): () => void;
  configState(): 'missing' | 'invalid' | 'good';
  noteStoreEnded(reason: string, message: string): void;
}
