/** An answer that sending the same again won't change. */
export class Refusal extends Error {
    status;
    problem;
    newKeySafe;
    name = 'Refusal';
    constructor(
    /** The HTTP status; 0 if nothing was sent, because the storage failed. */
    status, 
    /** What the gateway said; empty if it wasn't the gateway that answered. */
    problem, 
    /** The transaction was not and will not be carried out: another key can't make it act twice. */
    newKeySafe = problem.new_key_safe === true) {
        super(problem.detail || problem.title || `The gateway answered ${status}.`);
        this.status = status;
        this.problem = problem;
        this.newKeySafe = newKeySafe;
    }
}
/** There is no answer, or one that tells to try again. */
export class TryAgain extends Error {
    after;
    status;
    name = 'TryAgain';
    /** The server wants to be left alone for so many ms. */
    constructor(message, after = 0, status) {
        super(message);
        this.after = after;
        this.status = status;
    }
}
/** What tx.verdict() rejects with after verdict.close(). */
export class Closed extends Error {
    name = 'Closed';
    constructor() {
        super('The client was closed; the transaction goes on.');
    }
}
