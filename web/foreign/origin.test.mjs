// Pages on another port of the gateway's host: the browser counts them as the same site and sends them along with its cookie.
// The cookie is tested over TLS alone: that Chromium takes a __Host- cookie over plain HTTP is an exception for loopback.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { after, test } from 'node:test';
import { chromiumEventSource, chromiumWebSocket, closeChromium } from './chromium.mjs';
import { certificate, friend, gateway, long, stranger, User, Way } from './world.mjs';

after(closeChromium);

const user = new User();

// serve has a page of nothing at an address, for the time of the test.
async function serve(t, address, secure) {
  const answer = (_, response) => response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>shop</title>');
  const server = secure ? https.createServer(certificate, answer) : http.createServer(answer);
  const { hostname, port } = new URL(`http://${address}`);
  server.listen(port, hostname);
  await once(server, 'listening');
  t.after(() => { server.close(); server.closeAllConnections(); });
  return `${secure ? 'https' : 'http'}://${address}/`;
}

const withTicket = async () => `?ticket=${(await user.ticket()).ticket}`;

for (const secure of [false, true]) {
  test(`over ${secure ? 'TLS' : 'plain HTTP'} a page of another origin may connect only if it is listed`, long, async (t) => {
    const { id } = await user.submit();
    const [listed, unlisted] = await Promise.all([serve(t, friend, secure), serve(t, stranger, secure)]);
    const credentials = [['a ticket', withTicket, undefined]];
    if (secure) credentials.push(['the cookie', async () => '', () => user.token()]);

    for (const [name, query, token] of credentials) {
      const over = async (t) => {
        const way = await Way.to(gateway, { secure });
        t.after(() => way.close());
        return {
          way,
          openStream: async (from) => chromiumEventSource.open(`${way.url}/v1/transactions/${id}/events${await query()}`, { from, token }),
          openSocket: async (from) => chromiumWebSocket.open(`${way.url}/v1/ws${await query()}`, { from, token }),
        };
      };
      await t.test(`with ${name}, listed`, async (t) => {
        const { openStream, openSocket } = await over(t);
        const stream = await openStream(listed);
        assert.deepEqual(await stream.next(), { opened: true });
        assert.equal((await stream.next()).event, 'transaction');
        assert.equal((await openSocket(listed)).protocol, 'verdict.v1');
      });
      await t.test(`with ${name}, not listed`, async (t) => {
        const { way, openStream, openSocket } = await over(t);
        assert.ok('closed' in await (await openStream(unlisted)).next()); // the browser doesn't say why
        await way.carried(/^HTTP\/1.1 403 /);
        await assert.rejects(openSocket(unlisted), { status: 403 });
      });
    }
  });
}
