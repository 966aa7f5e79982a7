export { createClient } from './client.js';
export { Closed, Refusal } from './refusal.js';
export { memoryStorage } from './storage.js';
