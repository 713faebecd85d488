/** A writer and a reader that note which primitives are written and read, in order. */
import { JuteReader, JuteWriter } from '../../src/protocol/jute.js';

export class RecordingWriter extends JuteWriter {
  readonly primitives: string[] = [];
  /** Primitives made of others, as a string is of its length, count once. */
  private depth = 0;

  override bool(value: boolean): void {
    this.note('boolean', () => super.bool(value));
  }

  override int(value: number): void {
    this.note('int', () => super.int(value));
  }

  override long(value: bigint): void {
    this.note('long', () => super.long(value));
  }

  override longNumber(value: number): void {
    this.note('long', () => super.longNumber(value));
  }

  override ustring(value: string | null): void {
    this.note('ustring', () => super.ustring(value));
  }

  override buffer(value: Uint8Array | null): void {
    this.note('buffer', () => super.buffer(value));
  }

  override vector<T>(values: readonly T[] | null, write: (w: this, value: T) => void): void {
    this.primitives.push(`vector ${values === null ? 'null' : values.length}`);
    this.depth++;
    super.vector(values, (_w, value) => {
      this.depth--;
      write(this, value);
      this.depth++;
    });
    this.depth--;
  }

  private note(primitive: string, write: () => void): void {
    if (this.depth === 0) this.primitives.push(primitive);
    this.depth++;
    write();
    this.depth--;
  }
}

export class RecordingReader extends JuteReader {
  readonly primitives: string[] = [];
  private depth = 0;

  override bool(): boolean {
    return this.note('boolean', () => super.bool());
  }

  override int(): number {
    return this.note('int', () => super.int());
  }

  override long(): bigint {
    return this.note('long', () => super.long());
  }

  override longOrZero(): bigint {
    return this.note('long', () => super.longOrZero());
  }

  override longNumber(): number {
    return this.note('long', () => super.longNumber());
  }

  override ustring(): string {
    return this.note('ustring', () => super.ustring());
  }

  override ustringOrNull(): string | null {
    return this.note('ustring', () => super.ustringOrNull());
  }

  override buffer(): Buffer | null {
    return this.note('buffer', () => super.buffer());
  }

  override vectorOrNull<T>(minBytes: number, read: (r: this) => T): T[] | null {
    const at = this.primitives.push('vector null') - 1;
    this.depth++;
    const values = super.vectorOrNull(minBytes, () => {
      this.depth--;
      const value = read(this);
      this.depth++;
      return value;
    });
    this.depth--;
    if (values !== null) this.primitives[at] = `vector ${values.length}`;
    return values;
  }

  override ustrings(): string[] {
    this.depth++;
    const texts = super.ustrings();
    this.depth--;
    this.primitives.push(`vector ${texts.length}`, ...texts.map(() => 'ustring'));
    return texts;
  }

  private note<T>(primitive: string, read: () => T): T {
    if (this.depth === 0) this.primitives.push(primitive);
    this.depth++;
    const value = read();
    this.depth--;
    return value;
  }
}
