/**
 * Two network namespaces, joined by a pair of veth devices: the near one for clients, the far one for servers. They belong
 * to a user namespace of their own, so that no rights on the machine are needed, and end with the processes in them.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { promisify } from 'node:util';
import { injected } from '../../support/tally.js';

const run = promisify(execFile);
/** Where `ip` and `tc` are need not be on everybody's PATH. */
const ENV = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };

export type End = 'near' | 'far';
const DEVICES = { near: 'v0', far: 'v1' } as const;
/** The addresses of both ends. */
export const ADDRESSES = { near: '10.77.0.1', far: '10.77.0.2' } as const;
/** Room for two packets: what comes faster than this is lost. */
const NARROW = ['root', 'tbf', 'rate', '256kbit', 'burst', '3200', 'limit', '3200'];

/** What a process wrote of why it failed, in one line. */
function reasonOf(error: unknown): string {
  const { stderr, message } = error as { readonly stderr?: string; readonly message?: string };
  const [first] = (stderr ?? '').split('\n');
  return first === undefined || first === '' ? (message ?? String(error)) : first;
}

/** A process that does nothing and keeps its namespaces; it ends with its stdin, so with this process at the latest. */
class Keeper {
  private constructor(private readonly child: ChildProcess) {}

  static async start(program: string, ...args: readonly string[]): Promise<Keeper> {
    const child = spawn(program, [...args, '--', 'cat'], { stdio: 'pipe', env: ENV });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdin.on('error', () => undefined);
    const over = new Promise<string>((resolve) => {
      child.once('error', ({ message }) => resolve(message));
      child.once('close', () => resolve(stderr.trim() || `${program} ended`));
    });
    // an echo comes from within
    child.stdin.write('in\n');
    const failure = await Promise.race([once(child.stdout, 'data').then(() => null), over]);
    if (failure !== null) throw new Error(failure);
    return new Keeper(child);
  }

  /** Arguments with which `nsenter` runs a program in its namespaces. */
  get entry(): readonly string[] {
    return ['-t', String(this.child.pid), '-U', '-n', '--preserve-credentials', '--'];
  }

  /** The namespace of its network, as all processes in it have it. */
  get network(): string {
    return fs.readlinkSync(`/proc/${this.child.pid}/ns/net`);
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.stdin!.end();
    await exited;
  }
}

export class VethLink {
  private constructor(private readonly keepers: Readonly<Record<End, Keeper>>) {}

  /** Makes both namespaces and the link between them, up; or says why this machine has none. */
  static async open(): Promise<VethLink | { readonly missing: string }> {
    if (process.platform !== 'linux') return { missing: `network namespaces on ${process.platform}` };
    const keepers: Keeper[] = [];
    try {
      const near = await Keeper.start('unshare', '-r', '-n');
      keepers.push(near);
      const far = await Keeper.start('nsenter', ...near.entry, 'unshare', '-n');
      keepers.push(far);
      const link = new VethLink({ near, far });
      await link.ip('near', 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1');
      await link.ip('near', 'link', 'set', 'v1', 'netns', far.entry[1]!);
      for (const end of ['near', 'far'] as const) {
        await link.ip(end, 'link', 'set', 'lo', 'up');
        await link.ip(end, 'address', 'add', `${ADDRESSES[end]}/24`, 'dev', DEVICES[end]);
        await link.ip(end, 'link', 'set', DEVICES[end], 'up');
      }
      return link;
    } catch (error) {
      for (const keeper of keepers.reverse()) await keeper.end();
      return { missing: reasonOf(error) };
    }
  }

  /** How to start a program at this end: what comes before its own words. */
  entry(end: End): readonly [string, ...string[]] {
    return ['nsenter', ...this.keepers[end].entry];
  }

  async down(end: End): Promise<void> {
    injected(end === 'near' ? "veth link down at the client's end" : "veth link down at the server's end");
    await this.ip(end, 'link', 'set', DEVICES[end], 'down');
  }

  async up(end: End): Promise<void> {
    await this.ip(end, 'link', 'set', DEVICES[end], 'up');
  }

  async removeAddress(end: End): Promise<void> {
    injected(end === 'near' ? 'veth address of the client removed' : 'veth address of the server removed');
    await this.ip(end, 'address', 'del', `${ADDRESSES[end]}/24`, 'dev', DEVICES[end]);
  }

  async addAddress(end: End): Promise<void> {
    await this.ip(end, 'address', 'add', `${ADDRESSES[end]}/24`, 'dev', DEVICES[end]);
  }

  /** Lets little through from this end, and loses what is more. @returns false if the kernel cannot */
  async narrow(end: End): Promise<boolean> {
    try {
      await this.run(end, 'tc', 'qdisc', 'add', 'dev', DEVICES[end], ...NARROW);
    } catch {
      return false;
    }
    injected('veth link narrow');
    return true;
  }

  /** Ends {@link narrow}, and counts the packets that were lost meanwhile. */
  async widen(end: End): Promise<void> {
    const statistics = await this.run(end, 'tc', '-s', 'qdisc', 'show', 'dev', DEVICES[end]);
    const dropped = Number(/dropped (\d+)/.exec(statistics)?.[1] ?? 0);
    if (dropped > 0) injected('veth packet lost', dropped);
    await this.run(end, 'tc', 'qdisc', 'del', 'dev', DEVICES[end], 'root');
  }

  /** Processes that are in one of the namespaces, the keepers included. */
  inhabitants(): readonly string[] {
    const networks = new Set(Object.values(this.keepers).map(({ network }) => network));
    return fs.readdirSync('/proc').filter((name) => {
      if (!/^\d+$/.test(name)) return false;
      try {
        return networks.has(fs.readlinkSync(`/proc/${name}/ns/net`));
      } catch {
        // it has just ended, or is somebody else's
        return false;
      }
    });
  }

  /** Ends both namespaces, unless somebody else is still in them. */
  async close(): Promise<void> {
    await this.keepers.far.end();
    await this.keepers.near.end();
  }

  private async ip(end: End, ...args: readonly string[]): Promise<void> {
    await this.run(end, 'ip', ...args);
  }

  /** @returns what it prints */
  private async run(end: End, ...words: readonly string[]): Promise<string> {
    const [program, ...args] = this.entry(end);
    const { stdout } = await run(program, [...args, ...words], { env: ENV });
    return stdout;
  }
}
