"""A player by python-socketio: joins dots, moves, leaves. Arguments: the address, the way, the seconds."""

import asyncio
import sys

import engineio
import socketio

# Answers to polls hold more packets than the 16 that python-engineio takes by default.
engineio.payload.Payload.max_decode_packets = 10_000

WAYS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": None}


async def play(url, way, seconds):
    client = socketio.AsyncClient(reconnection=False)
    ticks, input_ticks, joined = [], [], asyncio.Future()

    @client.on("joined")
    def on_joined(room):
        joined.set_result(room)

    @client.on("state")
    def on_state(state):
        ticks.append(state["tick"])
        input_ticks.append(state["inputTick"])

    await client.connect(url, transports=WAYS[way], auth={"name": "Py", "state": "json"}, wait_timeout=5)
    answer = await client.call("join", {"game": "dots"})
    assert answer["ok"], answer
    hz = (await joined)["tickHz"]
    for _ in range(seconds * hz):
        newest = ticks[-1] if ticks else 0
        await client.emit("input", {"x": 100, "y": 0, "tick": newest + 3})
        await asyncio.sleep(1 / hz)
    left = await client.call("leave")
    assert left["ok"], left
    assert ticks == sorted(set(ticks)), "no state is overtaken"
    assert input_ticks == sorted(input_ticks) and input_ticks[-1] > ticks[0], "inputs are acknowledged in order"
    assert left["tick"] - ticks[-1] <= 2, (left, ticks[-1])
    await client.disconnect()
    print(f"{way}: {len(ticks)} states for {ticks[-1] - ticks[0] + 1} ticks, inputs up to {input_ticks[-1]}")


asyncio.run(play(sys.argv[1], sys.argv[2], int(sys.argv[3])))
