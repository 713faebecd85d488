/** Programs of others, run to their end. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { execFileSync } from 'node:child_process';

/** A guard, within the 300 s of the tests (`peers.ts`): a JVM that compiles, on a busy machine, takes its time. */
const LIMIT_MS = 240_000;

/** What a program printed. */
export interface Printed {
  /** Lines of stdout that are not empty. */
  readonly lines: readonly string[];
  /** Both streams. */
  readonly all: string;
  readonly exitCode: number | null;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Called with each line of either stream; `input` stays open until it says `end`, and `kill` kills it. */
  readonly heard?: (line: string, to: Talk) => void;
}

export interface Talk {
  write(text: string): void;
  end(): void;
  kill(): void;
}

/** Runs a program to its end. One that does not end within four minutes is killed. */
export async function runProgram(
  program: string,
  args: readonly string[],
  { input = '', env = {}, heard }: RunOptions = {},
): Promise<Printed> {
  const child = spawn(program, args, {
    stdio: 'pipe',
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
    env: { ...process.env, ...env },
  });
  child.stdin.on('error', () => undefined);
  const talk: Talk = {
    write: (text) => child.stdin.write(text),
    end: () => child.stdin.end(),
    kill: () => child.kill('SIGKILL'),
  };
  const streams = [child.stdout, child.stderr];
  const texts = ['', ''];
  const partial = ['', ''];
  let all = '';
  for (const [index, stream] of streams.entries()) {
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      texts[index]! += chunk;
      const lines = (partial[index]! + chunk).split('\n');
      partial[index] = lines.pop()!;
      // a chunk may end within a line, and that of the other stream comes next
      for (const line of lines) all += `${line}\n`;
      if (heard !== undefined) for (const line of lines) heard(line, talk);
    });
  }
  child.stdin.write(input);
  if (heard === undefined) child.stdin.end();
  const [exitCode] = (await once(child, 'close')) as [number | null];
  all += partial.join('');
  return { lines: texts[0]!.split('\n').filter((line) => line !== ''), all, exitCode };
}

/** What a program says of its version, or null if it cannot be run. */
export function versionOf(program: string, args: readonly string[]): string | null {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return null;
  }
}
