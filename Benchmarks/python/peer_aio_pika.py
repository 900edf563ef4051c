#!/usr/bin/env python3
"""The same work by aio-pika.

    peer_aio_pika.py publish|consume|ask|respond HOST PORT USER PASSWORD QUEUE COUNT

Writes one line of JSON. `respond` writes "ready" and answers until it is killed.
"""

import asyncio
import json
import sys
import time

import aio_pika

BODY = b"x" * 1024
ANSWER = b"y" * 1024
WINDOW = 1000
ACK_EVERY = 100


def message(body: bytes, persistent: bool, **more: str) -> aio_pika.Message:
    return aio_pika.Message(
        body,
        content_type="application/json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT if persistent else aio_pika.DeliveryMode.NOT_PERSISTENT,
        message_id="a3d0c5c2-6d3e-4b6f-9a51-0d7f3f2b8c11",
        **more,
    )


class Clock:
    def __init__(self) -> None:
        self.started, self.cpu = time.perf_counter(), time.process_time()

    def result(self, count: int) -> dict[str, object]:
        return {
            "count": count,
            "seconds": time.perf_counter() - self.started,
            "cpu": time.process_time() - self.cpu,
        }


async def publish(connection: aio_pika.abc.AbstractConnection, queue: str, count: int) -> dict[str, object]:
    channel = await connection.channel(publisher_confirms=True)
    exchange = channel.default_exchange
    room = asyncio.Semaphore(WINDOW)
    text = message(BODY, True)

    async def send() -> None:
        await exchange.publish(text, queue)
        room.release()

    clock = Clock()
    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            await room.acquire()
            group.create_task(send())
    return clock.result(count)


async def consume(connection: aio_pika.abc.AbstractConnection, queue: str, count: int) -> dict[str, object]:
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=1000)
    source = await channel.get_queue(queue, ensure=False)
    done = asyncio.get_running_loop().create_future()
    got = 0

    async def take(delivery: aio_pika.abc.AbstractIncomingMessage) -> None:
        nonlocal got
        got += 1
        # Others count on while this one waits.
        number = got
        if number > count:
            return
        if number % ACK_EVERY == 0 or number == count:
            await delivery.ack(multiple=True)
        if number == count:
            done.set_result(None)

    clock = Clock()
    await source.consume(take)
    await done
    return clock.result(count)


async def ask(connection: aio_pika.abc.AbstractConnection, queue: str, count: int) -> dict[str, object]:
    channel = await connection.channel(publisher_confirms=False)
    commands = await channel.get_exchange("commands", ensure=False)
    mine = await channel.declare_queue(exclusive=True)
    await mine.bind("replies", mine.name)
    arrived: asyncio.Queue[aio_pika.abc.AbstractIncomingMessage] = asyncio.Queue()
    await mine.consume(arrived.put, no_ack=True)
    times = []
    for number in range(count):
        begun = time.perf_counter()
        question = message(BODY, True, reply_to=mine.name, correlation_id=str(number))
        await commands.publish(question, queue)
        answer = await arrived.get()
        if answer.correlation_id != str(number):
            sys.exit("not the right answer")
        times.append(round((time.perf_counter() - begun) * 1e6, 1))
    return {"microseconds": times}


async def respond(connection: aio_pika.abc.AbstractConnection, queue: str, _count: int) -> dict[str, object]:
    channel = await connection.channel(publisher_confirms=False)
    await channel.set_qos(prefetch_count=100)
    replies = await channel.get_exchange("replies", ensure=False)
    source = await channel.get_queue(queue, ensure=False)

    async def take(question: aio_pika.abc.AbstractIncomingMessage) -> None:
        answer = message(ANSWER, False, correlation_id=question.correlation_id)
        await replies.publish(answer, question.reply_to)
        await question.ack()

    await source.consume(take)
    print("ready", flush=True)
    await asyncio.Future()
    return {}


async def main() -> None:
    what, host, port, user, password, queue, count = sys.argv[1:]
    work = {"publish": publish, "consume": consume, "ask": ask, "respond": respond}[what]
    connection = await aio_pika.connect(host=host, port=int(port), login=user, password=password)
    result = await work(connection, queue, int(count))
    print(json.dumps(result), flush=True)
    await connection.close()


if __name__ == "__main__":
    asyncio.run(main())
