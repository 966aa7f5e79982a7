"""A WebSocket client on Debian's python3-websockets that does what lines of JSON on its standard input say."""

import asyncio
import json
import sys

import websockets


def tell(number, **happening):
    print(json.dumps({"n": number, **happening}), flush=True)


async def listen(number, socket):
    try:
        async for text in socket:
            tell(number, text=text)
    except websockets.ConnectionClosed:
        pass
    tell(number, closed=socket.close_code, reason=socket.close_reason)


async def main():
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader(limit=1 << 22)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    sockets, listeners = {}, set()

    async def open_socket(number, url, headers):
        try:
            socket = await websockets.connect(url, subprotocols=["verdict.v1"], extra_headers=headers, open_timeout=20)
        except websockets.InvalidStatusCode as refusal:
            tell(number, refused=refusal.status_code, retryAfter=refusal.headers.get("Retry-After"))
            return
        except (OSError, websockets.WebSocketException) as failure:
            tell(number, failed=repr(failure))
            return
        sockets[number] = socket
        tell(number, opened=socket.subprotocol)
        await listen(number, socket)

    async for line in lines:
        order = json.loads(line)
        number = order["n"]
        if "open" in order:
            listener = asyncio.create_task(open_socket(number, order["open"], order["headers"]))
            listeners.add(listener)
        elif "send" in order:
            try:
                await sockets[number].send(order["send"])
            except websockets.ConnectionClosed:
                pass  # the listener tells
        else:
            await sockets[number].close()


asyncio.run(main())
