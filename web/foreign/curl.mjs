// curl.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

// curl makes a user's request and returns the answer, once it is complete.
export async function curl(url, user, ...args) {
  const { stdout } = await promisify(execFile)('curl', [
    '--silent', '--include', '--max-time', '50', ...user ? ['--header', `Authorization: Bearer ${user.token()}`] : [], ...args, url,
  ]);
  const end = stdout.indexOf('\r\n\r\n'), head = stdout.slice(0, end), body = stdout.slice(end + 4).replaceAll(/^:\n\n/gm, ''); // without heartbeats
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)[1]), head, body };
}
