// What docs/push.md says of streams, with curl, which shows each byte.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import { curl } from './curl.mjs';
import { gateway, long, order, pause, User } from './world.mjs';

const eventsOf = (id) => `${gateway}/v1/transactions/${id}/events`;

describe('curl', { concurrency: true }, () => {
  test('the state, the verdict, the end; 204 for who has the verdict; and its confirmation', long, async () => {
    const user = new User(), hold = randomUUID(), { id } = await user.submit({ hold });
    const watching = curl(eventsOf(id), user, '--no-buffer');
    await order(`release/${hold}`);
    const { status, head, body } = await watching;
    assert.equal(status, 200);
    assert.match(head, /^content-type: text\/event-stream$/im);
    const [, number, data] = /^retry: \d+\n\n(?:event: transaction\nid: \d+\ndata: .*"pending".*\n\n)?event: transaction\nid: (\d+)\ndata: (.*)\n\n$/.exec(body);
    assert.equal(data, await user.verdict(id));
    const again = await curl(eventsOf(id), user, '--header', `Last-Event-ID: ${number}`);
    assert.deepEqual([again.status, again.body], [204, '']);
    const ack = await curl(`${gateway}/v1/transactions/${id}/ack`, user, '-X', 'POST', '-d', `{"id":${number}}`);
    assert.equal(ack.status, 200, ack.body);
    assert.deepEqual({ ...JSON.parse(ack.body), at: '' }, { transaction: id, id: Number(number), at: '' });
  });

  test('one stream too many is answered with a time to come back', long, async () => {
    const user = new User(), { id } = await user.submit({ hold: randomUUID() });
    const seats = new AbortController(), headers = { Authorization: `Bearer ${user.token()}` };
    for (let n = 0; n < 2; n++) await fetch(eventsOf(id), { headers, signal: seats.signal });
    const { status, body } = await curl(eventsOf(id), user);
    seats.abort();
    assert.equal(status, 200);
    assert.match(body, /^retry: \d+\n\n$/);
  });

  test("another user's transaction and none at all are answered with the same bytes", long, async () => {
    const user = new User(), foreign = (await new User().submit()).id, unknown = randomUUID();
    for (const path of ['', '/events', '/ack', '/timeline']) {
      const method = path === '/ack' ? ['-X', 'POST'] : [];
      const bytes = async (id) => {
        const { status, head, body } = await curl(`${gateway}/v1/transactions/${id}${path}`, user, ...method);
        assert.equal(status, 404, path);
        return head.replace(/^Date: .*$/m, '') + body;
      };
      assert.equal(await bytes(foreign), await bytes(unknown));
    }
  });

  test('a ticket is refused after 30 s', long, async () => {
    const user = new User(), { id } = await user.submit();
    const begin = Date.now(), { ticket, expires_at: end } = await user.ticket();
    assert.ok(Date.parse(end) <= begin + 30_000 + 1000, end);
    await pause(Date.parse(end) - Date.now());
    assert.equal((await curl(`${eventsOf(id)}?ticket=${ticket}`)).status, 401);
  });
});
