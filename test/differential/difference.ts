/** Plays programs on two servers and looks for a difference. */
import type { Target } from './targets.js';
import type { Transcript } from './player.js';
import { CLIENTS, printed, sizeOf, type Program } from './program.js';

/** Lines before the first different one that are shown. */
const CONTEXT = 12;

/** What is different, for a reader; null if nothing is. */
export function difference(a: Transcript, b: Transcript, names: readonly [string, string]): string | null {
  const parts = a.flatMap((lines, client) => {
    const other = b[client] ?? [];
    const at = lines.findIndex((line, i) => line !== other[i]);
    const first = at < 0 && other.length > lines.length ? lines.length : at;
    if (first < 0) return [];
    const width = Math.max(...names.map((name) => name.length));
    return [
      client < CLIENTS ? `client ${client}:` : 'at the end:',
      ...lines.slice(Math.max(0, first - CONTEXT), first).map((line) => `${' '.repeat(width)}  ${line}`),
      `${names[0].padEnd(width)}  ${lines[first] ?? '(nothing more)'}`,
      `${names[1].padEnd(width)}  ${other[first] ?? '(nothing more)'}`,
    ];
  });
  return parts.length === 0 ? null : parts.join('\n');
}

/** What was done. */
export interface Tally {
  programs: number;
  commands: number;
}

let played = 0;

/**
 * Plays one program on both.
 * @throws if they are not the same
 */
export async function compare(a: Target, b: Target, program: Program, tally?: Tally): Promise<void> {
  const number = played++;
  const play = (target: Target): Promise<Transcript> =>
    target.play(program, number).catch((cause: unknown) => {
      throw new Error(`${target.name} does not survive the program:\n${printed(program)}`, { cause });
    });
  const [first, second] = [await play(a), await play(b)];
  if (tally !== undefined) {
    tally.programs++;
    tally.commands += sizeOf(program);
  }
  const found = difference(first, second, [a.name, b.name]);
  if (found !== null) throw new Error(`${found}\nthe program:\n${printed(program)}`);
}
