/** A process at one end of the link (`child.ts`), and what it is told to do. */
import { spawn, type ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import * as path from 'node:path';
import { build } from 'esbuild';
import { onPath } from '../../support/zookeeper-jars.js';
import type { Answer, Jobs, Said } from './child.js';
import type { End, VethLink } from './link.js';

/** Bundles the child, which is TypeScript as the tests are. @returns its file */
export async function buildChild(folder: string): Promise<string> {
  const outfile = path.join(folder, 'child.cjs');
  await build({
    entryPoints: [path.join(import.meta.dirname, 'child.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'error',
  });
  return outfile;
}

type Arguments<J extends keyof Jobs> = Parameters<Jobs[J]>;
type Result<J extends keyof Jobs> = Awaited<ReturnType<Jobs[J]>>;

export class Peer {
  /** All that it has told of itself. */
  readonly said: Said[] = [];
  private readonly news = new EventEmitter();
  private readonly open = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  private last = 0;
  private readonly over: Promise<number | null>;

  private constructor(private readonly child: ChildProcess) {
    this.news.setMaxListeners(0);
    child.on('message', (message) => this.take(message as Answer | Said));
    this.over = once(child, 'exit').then(([code]) => {
      for (const { reject } of this.open.values()) reject(new Error('the process at the link has ended'));
      this.news.emit('news');
      return code as number | null;
    });
  }

  static start(link: VethLink, end: End, file: string): Peer {
    const [program, ...entry] = link.entry(end);
    // nothing of it may outlive this process
    const bound = onPath('setpriv') === undefined ? [] : ['setpriv', '--pdeathsig', 'KILL', '--'];
    const child = spawn(program, [...entry, ...bound, process.execPath, file], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      serialization: 'advanced',
    });
    return new Peer(child);
  }

  /** What this job comes to. What is asked is begun in the order of the asking. */
  do<J extends keyof Jobs>(job: J, ...args: Arguments<J>): Promise<Result<J>> {
    const id = ++this.last;
    return new Promise<Result<J>>((resolve, reject) => {
      this.open.set(id, { resolve: (value) => resolve(value as Result<J>), reject });
      this.child.send({ id, job, args });
    });
  }

  /** Resolves when it has told something of that kind, or has done so already. */
  async tells(match: (said: Said) => boolean): Promise<Said> {
    for (;;) {
      const found = this.said.find(match);
      if (found !== undefined) return found;
      if (this.child.exitCode !== null) throw new Error('the process at the link has ended');
      await once(this.news, 'news');
    }
  }

  /** What it has told of this Conn. */
  of(conn: string): readonly Said[] {
    return this.said.filter((said) => said.conn === conn);
  }

  /** Lets go of it: it has to end by itself. @returns its exit code */
  async end(): Promise<number | null> {
    if (this.child.connected) this.child.disconnect();
    return this.over;
  }

  /** Ends it now. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.over;
  }

  private take(message: Answer | Said): void {
    if ('conn' in message) {
      this.said.push(message);
      this.news.emit('news');
      return;
    }
    const waiting = this.open.get(message.id);
    this.open.delete(message.id);
    if (message.error === undefined) waiting?.resolve(message.value);
    else waiting?.reject(new Error(message.error));
  }
}
