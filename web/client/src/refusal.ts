import type { Problem } from './types.js';

/** An answer that sending the same again won't change. */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  constructor(
    /** The HTTP status; 0 if nothing was sent, because the storage failed. */
    readonly status: number,
    /** What the gateway said; empty if it wasn't the gateway that answered. */
    readonly problem: Problem,
    /** The transaction was not and will not be carried out: another key can't make it act twice. */
    readonly newKeySafe: boolean = problem.new_key_safe === true,
  ) {
    super(problem.detail || problem.title || `The gateway answered ${status}.`);
  }
}

/** There is no answer, or one that tells to try again. */
export class TryAgain extends Error {
  override readonly name = 'TryAgain';

  /** The server wants to be left alone for so many ms. */
  constructor(message: string, readonly after = 0, readonly status?: number) {
    super(message);
  }
}

/** What tx.verdict() rejects with after verdict.close(). */
export class Closed extends Error {
  override readonly name = 'Closed';

  constructor() {
    super('The client was closed; the transaction goes on.');
  }
}
