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
/** Reads an event stream from pieces of any size, as the WHATWG's HTML standard, section 9.2.6, has it. */
export declare class EventParser {
    private readonly listener;
    private readonly decoder;
    private line;
    private afterCR;
    private type;
    private data;
    private id;
    constructor(listener: Listener);
    /** Takes the next bytes. Throws when a line or an event is too long. */
    push(bytes: Uint8Array): void;
    private take;
    private dispatch;
}
