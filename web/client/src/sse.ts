/** A server-sent event. */
export interface ServerEvent {
  readonly type: string;
  readonly data: string;
}

/** What a stream tells. */
export interface Listener {
  event(event: ServerEvent): void;
  /** The position a reader can return to: the last event ID, told at the end of each block that has one. */
  position(id: string): void;
  /** How many ms to wait before coming back. */
  retry(ms: number): void;
}

const longest = 1 << 20; // characters of a line or of an event's data; the gateway's have a few hundred

/** Reads an event stream from pieces of any size, as the WHATWG's HTML standard, section 9.2.6, has it. */
export class EventParser {
  private readonly decoder = new TextDecoder(); // it drops a byte order mark, and joins characters cut in two
  private line = '';
  private afterCR = false; // an LF that comes next belongs to the line that has ended
  private type = '';
  private data = '';
  private id: string | undefined;

  constructor(private readonly listener: Listener) {}

  /** Takes the next bytes. Throws when a line or an event is too long. */
  push(bytes: Uint8Array): void {
    let text = this.decoder.decode(bytes, { stream: true });
    if (!text) return; // a character has only begun
    if (this.afterCR && text[0] === '\n') text = text.slice(1);
    let begin = 0;
    for (const end of text.matchAll(/\r\n|\r|\n/g)) {
      this.take(this.line + text.slice(begin, end.index));
      this.line = '';
      begin = end.index + end[0].length;
    }
    this.afterCR = text.endsWith('\r');
    this.line += text.slice(begin);
    if (this.line.length > longest || this.data.length > longest) throw new Error('the event is too long');
  }

  private take(line: string): void {
    if (!line) return this.dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) return; // a comment
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (field === 'data') this.data += `${value}\n`;
    else if (field === 'event') this.type = value;
    else if (field === 'id' && !value.includes('\0')) this.id = value;
    else if (field === 'retry' && /^\d+$/.test(value)) this.listener.retry(Number(value));
  }

  private dispatch(): void {
    const { type, data, id } = this;
    this.type = this.data = '';
    this.id = undefined;
    if (data) this.listener.event({ type: type || 'message', data: data.slice(0, -1) });
    if (id !== undefined) this.listener.position(id);
  }
}
