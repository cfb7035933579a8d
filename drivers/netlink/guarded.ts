/** Runs what koffi calls back: a throw inside its callback would surface in some later native call, so it is brought to where it is seen. */
export function guarded(work: () => void): void {
  try {
    work();
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}
