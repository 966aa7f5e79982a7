import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventParser } from '../dist/sse.js';

// parse feeds the bytes in pieces that end at the cuts, and returns all that was told.
function parse(bytes, cuts = []) {
  const told = [];
  const parser = new EventParser({
    event: (event) => told.push(event),
    position: (id) => told.push({ id }),
    retry: (ms) => told.push({ ms }),
  });
  let begin = 0;
  for (const cut of [...cuts, bytes.length]) {
    parser.push(bytes.subarray(begin, cut));
    begin = cut;
  }
  return told;
}

const bytes = (text) => new TextEncoder().encode(text);
const message = (data, type = 'message') => ({ type, data });

// Of the standard's section 9.2.6, its examples among them.
const cases = {
  'data over several lines': ['data: YHOO\ndata: +2\ndata: 10\n\n', [message('YHOO\n+2\n10')]],
  'a comment, an id that is reset, a leading space': [': test\n\ndata: first\nid: 1\n\ndata:second\nid\n\ndata:  third\n\n', [message('first'), { id: '1' }, message('second'), { id: '' }, message(' third')]],
  'empty data': ['data\n\ndata\ndata\n\ndata:', [message(''), message('\n')]],
  'no data: no event, but a position': ['event: transaction\nid: 17\n\n', [{ id: '17' }]],
  'CRLF, CR and LF': ['data: a\r\ndata: b\rdata: c\ndata: d\r\r\ndata: e\r\n\r\n', [message('a\nb\nc\nd'), message('e')]],
  'a byte order mark, only at the beginning': ['\ufeffdata: a\n\n\ufeffdata: b\n\n', [message('a')]],
  'retry in digits only': ['retry: 412\nretry: 1e3\nretry:\n\n', [{ ms: 412 }]],
  'an id with NUL is no id': ['id: 1\0\ndata: a\n\n', [message('a')]],
  'unknown fields': ['foo: bar\nDATA: x\ndata: a\n\n', [message('a')]],
  'an event that was cut off': ['data: a\n\ndata: b\nevent: x\n', [message('a')]],
  'characters of up to four bytes': ['event: é€😀\ndata: é€😀\n\n', [message('é€😀', 'é€😀')]],
};

for (const [name, [text, want]] of Object.entries(cases)) {
  test(`parses ${name}, wherever it is cut in two`, () => {
    const stream = bytes(text);
    assert.deepEqual(parse(stream), want);
    for (let cut = 0; cut <= stream.length; cut++) assert.deepEqual(parse(stream, [cut, cut]), want, `cut at ${cut}`); // and an empty piece
    assert.deepEqual(parse(stream, [...stream.keys()]), want, 'byte by byte');
  });
}

test('streams of any lines mean the same however they are cut', () => {
  const lines = ['data: a', 'data:', 'data', ':', 'id: 7', 'event: é', 'retry: 5', '', '', 'x: €'];
  const ends = ['\n', '\r', '\r\n'];
  const any = (list) => list[Math.floor(Math.random() * list.length)];
  for (let round = 0; round < 500; round++) {
    const stream = bytes(Array.from({ length: 12 }, () => any(lines) + any(ends)).join(''));
    const cuts = [...stream.keys()].filter(() => Math.random() < 0.3);
    assert.deepEqual(parse(stream, cuts), parse(stream), JSON.stringify([new TextDecoder().decode(stream), cuts]));
  }
});

test('an event without an end is not collected for ever', () => {
  const endless = bytes('x'.repeat(1 << 19));
  assert.throws(() => parse(new Uint8Array([...endless, ...endless, ...endless])));
});
