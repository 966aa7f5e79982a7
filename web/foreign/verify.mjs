// verify.mjs reads notices as a backend received them, one JSON object a line, and verifies each by Standard Webhooks' own
// library with the secret given. It prints the type of each, or why it was refused.
import { createInterface } from 'node:readline';
import { Webhook } from 'standardwebhooks';

const webhook = new Webhook(process.argv[2]);
for await (const line of createInterface({ input: process.stdin })) {
  const { headers, body } = JSON.parse(line);
  try {
    console.log(webhook.verify(body, headers).type);
  } catch (error) {
    console.log(`refused: ${error.message}`);
  }
}
