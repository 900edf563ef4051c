#!/usr/bin/env python3
"""The same work by pika, in its fastest form: callbacks on a SelectConnection.

    peer_pika.py publish|consume|ask|respond HOST PORT USER PASSWORD QUEUE COUNT

Writes one line of JSON. `respond` writes "ready" and answers until it is killed.
"""

import json
import sys
import time

import pika

BODY = b"x" * 1024
ANSWER = b"y" * 1024
WINDOW = 1000
ACK_EVERY = 100


def properties(persistent: bool, **more: str) -> pika.BasicProperties:
    return pika.BasicProperties(
        content_type="application/json",
        delivery_mode=2 if persistent else 1,
        message_id="a3d0c5c2-6d3e-4b6f-9a51-0d7f3f2b8c11",
        **more,
    )


class Peer:
    """One connection with one channel; ends when the work is done."""

    def __init__(self, host: str, port: int, user: str, password: str, queue: str, count: int):
        self.queue = queue
        self.count = count
        self.result: dict[str, object] = {}
        self.connection = pika.SelectConnection(
            pika.ConnectionParameters(host, port, "/", pika.PlainCredentials(user, password)),
            on_open_callback=lambda connection: connection.channel(on_open_callback=self.opened),
        )

    def run(self) -> None:
        self.connection.ioloop.start()
        print(json.dumps(self.result))

    def opened(self, channel: pika.channel.Channel) -> None:
        self.channel = channel
        self.begin()

    def begin(self) -> None:
        raise NotImplementedError

    def start_clock(self) -> None:
        self.started, self.cpu = time.perf_counter(), time.process_time()

    def finish(self) -> None:
        self.result = {
            "count": self.count,
            "seconds": time.perf_counter() - self.started,
            "cpu": time.process_time() - self.cpu,
        }
        self.connection.ioloop.stop()


class Publisher(Peer):
    def begin(self) -> None:
        self.sent = self.confirmed = 0
        self.channel.confirm_delivery(self.confirm, callback=lambda _: self.fill(start=True))

    def fill(self, start: bool = False) -> None:
        if start:
            self.start_clock()
        message = properties(True)
        while self.sent < self.count and self.sent - self.confirmed < WINDOW:
            self.channel.basic_publish("", self.queue, BODY, message)
            self.sent += 1

    def confirm(self, frame: pika.frame.Method) -> None:
        if not isinstance(frame.method, pika.spec.Basic.Ack):
            sys.exit("a message was refused")
        self.confirmed = frame.method.delivery_tag if frame.method.multiple else self.confirmed + 1
        if self.confirmed == self.count:
            self.finish()
        else:
            self.fill()


class Consumer(Peer):
    def begin(self) -> None:
        self.got = 0
        self.channel.basic_qos(prefetch_count=1000, callback=self.consume)

    def consume(self, _: pika.frame.Method) -> None:
        self.start_clock()
        self.channel.basic_consume(self.queue, self.take)

    def take(self, channel, method, _properties, _body) -> None:
        self.got += 1
        if self.got > self.count:
            return
        if self.got % ACK_EVERY == 0 or self.got == self.count:
            channel.basic_ack(method.delivery_tag, multiple=True)
        if self.got == self.count:
            self.finish()


class Asker(Peer):
    def begin(self) -> None:
        self.times: list[float] = []
        self.channel.queue_declare("", exclusive=True, callback=self.declared)

    def declared(self, frame: pika.frame.Method) -> None:
        self.mine = frame.method.queue
        self.channel.queue_bind(self.mine, "replies", self.mine, callback=self.bound)

    def bound(self, _: pika.frame.Method) -> None:
        self.channel.basic_consume(self.mine, self.take, auto_ack=True, callback=lambda _: self.ask())

    def ask(self) -> None:
        self.begun = time.perf_counter()
        message = properties(True, reply_to=self.mine, correlation_id=str(len(self.times)))
        self.channel.basic_publish("commands", self.queue, BODY, message)

    def take(self, _channel, _method, answer, _body) -> None:
        if answer.correlation_id != str(len(self.times)):
            sys.exit("not the right answer")
        self.times.append((time.perf_counter() - self.begun) * 1e6)
        if len(self.times) == self.count:
            self.result = {"microseconds": [round(t, 1) for t in self.times]}
            self.connection.ioloop.stop()
        else:
            self.ask()


class Responder(Peer):
    def begin(self) -> None:
        self.channel.basic_qos(prefetch_count=100, callback=self.consume)

    def consume(self, _: pika.frame.Method) -> None:
        self.channel.basic_consume(self.queue, self.take, callback=lambda _: print("ready", flush=True))

    def take(self, channel, method, question, _body) -> None:
        answer = properties(False, correlation_id=question.correlation_id)
        channel.basic_publish("replies", question.reply_to, ANSWER, answer)
        channel.basic_ack(method.delivery_tag)


def main() -> None:
    kinds = {"publish": Publisher, "consume": Consumer, "ask": Asker, "respond": Responder}
    what, host, port, user, password, queue, count = sys.argv[1:]
    kinds[what](host, int(port), user, password, queue, int(count)).run()


if __name__ == "__main__":
    main()
