export { createClient, type Client } from './client.js';
export { Closed, Refusal } from './refusal.js';
export { memoryStorage } from './storage.js';
export type { Status, Transaction } from './transaction.js';
export type { Options, Problem, Sending, Storage, Submission, View, WebSocketConstructor, WebSocketLike } from './types.js';
