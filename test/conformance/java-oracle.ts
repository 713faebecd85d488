/** ZooKeeper's own record classes, in one JVM that runs `JuteOracle.java`. */
import { spawn, type ChildProcess } from 'node:child_process';
import * as readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { findZooKeeper, onPath } from '../support/real-zookeeper.js';
import { RECORDS, type FieldType, type RecordName } from './facts.js';
import type { FactRecord, FactValue } from './fact-values.js';

/** What a Java class makes of some bytes, or what it made by itself. */
export interface Answer {
  /** The fields as parsed JSON: longs are strings, buffers hex. */
  readonly json: unknown;
  readonly bytes: Buffer;
}

/** What the oracle runs on, or why it cannot. */
export function findOracle():
  { readonly classpath: string; readonly version: string } | { readonly missing: string } {
  const found = findZooKeeper();
  if ('missing' in found) return found;
  if (onPath('javac') === undefined) return { missing: 'a JDK is needed, there is no `javac` on the PATH' };
  return found;
}

export class JavaOracle {
  private readonly child: ChildProcess;
  private readonly waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];
  private complaint = '';

  constructor(classpath: string) {
    const source = fileURLToPath(new URL('JuteOracle.java', import.meta.url));
    const options = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
    this.child = spawn('java', [...options, '-cp', classpath, source], { stdio: 'pipe' });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.complaint += text));
    if (this.child.stdout !== null) {
      readline
        .createInterface({ input: this.child.stdout })
        .on('line', (line) => this.waiting.shift()?.resolve(line));
    }
    // it reads until its input ends, so it cannot outlive this process
    this.child.on('exit', (code) => this.fail(`the oracle ended (${code ?? 'signal'}): ${this.complaint}`));
    this.child.on('error', (error) => this.fail(`the oracle did not start: ${error.message}`));
    this.child.stdin?.on('error', () => undefined);
  }

  /** Has the class parse the bytes, and serialise what it parsed. */
  async parse(record: string, bytes: Buffer): Promise<Answer> {
    return this.ask(`parse ${record} ${bytes.length === 0 ? '-' : bytes.toString('hex')}`);
  }

  /** A random record of Java's. */
  async make(record: string, seed: number): Promise<Answer> {
    return this.ask(`make ${record} ${seed}`);
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('close', resolve));
    this.child.stdin?.end();
    await ended;
  }

  private async ask(command: string): Promise<Answer> {
    const line = await new Promise<string>((resolve, reject) => {
      if (this.child.exitCode !== null) {
        reject(new Error(`the oracle has ended: ${this.complaint}`));
        return;
      }
      this.waiting.push({ resolve, reject });
      this.child.stdin?.write(`${command}\n`);
    });
    const [json, digits] = line.split(' ');
    if (line.startsWith('error ') || json === undefined || digits === undefined) {
      throw new Error(`Java: ${line}\nto: ${command}`);
    }
    return { json: JSON.parse(json), bytes: Buffer.from(digits === '-' ? '' : digits, 'hex') };
  }

  private fail(text: string): void {
    for (const { reject } of this.waiting.splice(0)) reject(new Error(text));
  }
}

/** Names of the fields of a dumped record, in Java's order. */
export function fieldNames(json: unknown): string[] {
  return Object.keys(json as object);
}

/** A dumped record as a value of the facts. */
export function fromJson(record: RecordName, json: unknown): FactRecord {
  const fields = json as Record<string, unknown>;
  return Object.fromEntries(
    RECORDS[record]
      .filter((field) => field.name in fields)
      .map((field) => [field.name, fieldFromJson(field.type, fields[field.name])]),
  );
}

function fieldFromJson(type: FieldType, json: unknown): FactValue {
  if (json === null) return null;
  switch (type.kind) {
    case 'long':
      return BigInt(json as string);
    case 'buffer':
      return Buffer.from(json as string, 'hex');
    case 'record':
      return fromJson(type.record, json);
    case 'vector':
      return (json as unknown[]).map((item) => fieldFromJson(type.of, item));
    default:
      return json as FactValue;
  }
}
