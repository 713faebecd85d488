/** Listens to diagnostics channels for the length of a test. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';

/** What one message was: the channel's name, and what it carried at that moment. */
export interface Heard<T> {
  readonly name: string;
  readonly message: T;
}

/** Everything that is published on these channels, in order, copied: the objects of a trace change later. */
export class ChannelListener<T extends object> {
  readonly heard: Heard<T>[] = [];
  /** The objects themselves. */
  readonly objects: T[] = [];
  onMessage: (message: T) => void = () => undefined;
  private readonly names: readonly string[];

  constructor(...names: string[]) {
    this.names = names;
    for (const name of names) subscribe(name, this.hear);
  }

  /** What was heard since the last call. */
  take(): Heard<T>[] {
    return this.heard.splice(0);
  }

  [Symbol.dispose](): void {
    for (const name of this.names) unsubscribe(name, this.hear);
  }

  private readonly hear = (message: unknown, name: string | symbol): void => {
    this.objects.push(message as T);
    this.heard.push({ name: String(name), message: { ...(message as T) } });
    this.onMessage(message as T);
  };
}

/** The five names of a tracing channel. */
export function tracingNames(name: string): string[] {
  return ['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map((event) => `tracing:${name}:${event}`);
}
