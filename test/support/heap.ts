/** The heap, after everything that nobody needs was collected. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes in use. Several collections: what the first one lets go of may hold more. */
export async function heapBytes(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().heapUsed;
}

/**
 * By how much the heap grows while something is done again that was done before, bytes. From then on V8 optimizes nothing in
 * this process, and forgets no code: what its compilers keep comes and goes by hundreds of kB, the more so on a busy machine.
 */
export async function heapGrowth(before: () => Promise<void>, again: () => Promise<void>): Promise<number> {
  for (const habit of ['opt', 'maglev', 'sparkplug', 'flush-bytecode']) setFlagsFromString(`--no-${habit}`);
  await before();
  const bytes = await heapBytes();
  await again();
  return (await heapBytes()) - bytes;
}
