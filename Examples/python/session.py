#!/usr/bin/python3
"""One interactive session, from the request to its end, by plain AMQP.

Nothing of ExecutionBus is used here: only pika, and the names of the wire contract (topology/README.md). The steps are
those of any client in any language: declare queues of one's own, publish questions with `reply_to`, read the answers.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
import uuid
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pika
import pika.exceptions

Body = dict[str, Any]


class Refused(Exception):
    """The answer was a problem (RFC 9457), or there was none."""


@dataclasses.dataclass(frozen=True)
class Message:
    type: str
    correlation_id: str | None
    body: Body


class Inbox:
    """A queue of our own. It is bound to an exchange by its own name, which is then an address to send to."""

    def __init__(self, connection: pika.BlockingConnection, exchange: str, address: str) -> None:
        self.address = address
        self._connection = connection
        self._messages: deque[Message] = deque()
        channel = connection.channel()
        # Exclusive: nobody else may read it, and it goes when the connection goes.
        channel.queue_declare(address, exclusive=True)
        channel.queue_bind(address, exchange, routing_key=address)
        channel.basic_consume(address, self._keep)

    def _keep(self, channel: Any, delivery: Any, properties: pika.BasicProperties, body: bytes) -> None:
        self._messages.append(Message(properties.type or "", properties.correlation_id, json.loads(body)))
        channel.basic_ack(delivery.delivery_tag)

    def wait(self, wanted: Callable[[Message], bool], seconds: float) -> Message:
        """The next message that is wanted. Others are dropped: an answer that comes too late helps nobody."""
        end = time.monotonic() + seconds
        while True:
            while self._messages:
                message = self._messages.popleft()
                if wanted(message):
                    return message
            left = end - time.monotonic()
            if left <= 0:
                raise Refused(f"nothing came to {self.address} within {seconds:.0f} s")
            self._connection.process_data_events(time_limit=left)


class Client:
    """Asks participants, and hears their answers and callbacks."""

    def __init__(self, connection: pika.BlockingConnection, user: str) -> None:
        # A user's addresses begin with `client.<user>.`: RabbitMQ lets nobody else bind to them.
        name = f"client.{user}.python-{uuid.uuid4().hex[:8]}"
        self._user = user
        self._answers = Inbox(connection, "replies", name)
        self.callbacks = Inbox(connection, "callbacks", f"{name}-callbacks")
        self._channel = connection.channel()
        # From here on `basic_publish` returns when RabbitMQ has the message, and raises where no queue takes it.
        self._channel.confirm_delivery()

    def ask(self, participant: str, message_type: str, body: Body, seconds: float = 10) -> Body:
        """Sends a command or a query, and returns the body of the answer."""
        identity = str(uuid.uuid4())
        properties = pika.BasicProperties(
            type=message_type,
            content_type="application/json",
            # The same command sent again under the same id has one effect and gets the same answer.
            message_id=identity,
            correlation_id=identity,
            reply_to=self._answers.address,
            # Who asks. RabbitMQ checks that it is the user of this connection.
            user_id=self._user,
            delivery_mode=pika.spec.PERSISTENT_DELIVERY_MODE,
        )
        try:
            self._channel.basic_publish("commands", participant, json.dumps(body).encode(), properties, mandatory=True)
        except pika.exceptions.UnroutableError:
            raise Refused(f"there is no {participant} in this network") from None
        answer = self._answers.wait(lambda message: message.correlation_id == identity, seconds)
        if answer.type == "srcnet.problem.v1":
            faults = "".join(f"\n  {fault['pointer']}: {fault['detail']}" for fault in answer.body.get("errors", []))
            raise Refused(f"{answer.body['title']}: {answer.body.get('detail', '')}{faults}")
        return answer.body


def main() -> None:
    options = read_options()
    network: Body = json.loads(options.network.read_text())
    user = find_user(network, options.user)
    parameters = pika.URLParameters(network["amqp"])
    parameters.credentials = pika.PlainCredentials(user["name"], user["password"])
    with pika.BlockingConnection(parameters) as connection:
        client = Client(connection, user["name"])
        offer = choose(submit(client, json.loads(options.workstep.read_text())), options.site)
        use(client, offer)


def find_user(network: Body, name: str | None) -> Body:
    users: list[Body] = network["users"]
    for user in users:
        if name in (None, user["name"]):
            return user
    raise Refused(f"the network has no user {name}")


def submit(client: Client, workstep: Body) -> list[Body]:
    """Asks all sites at once. The answer comes when all have answered, at the deadline at the latest."""
    deadline = datetime.now(timezone.utc) + timedelta(seconds=5)
    request = {
        "workstep": workstep,
        "mode": "interactive",
        "deadline": deadline.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    offerset = client.ask("global-execution", "srcnet.workstep.submit.v1", request, seconds=20)
    if offerset["result"] != "YES":
        reasons = [f"{site}: no answer" for site in offerset["sites"]["silent"]]
        for refusal in offerset["sites"]["refused"]:
            reasons += [f"{refusal['site']}: {message['message']}" for message in refusal["messages"]]
        raise Refused("no site makes an offer\n  " + "\n  ".join(reasons))
    offers: list[Body] = offerset["offers"]
    return offers


def choose(offers: list[Body], site: str | None) -> Body:
    """Shows the offers, and takes the first one, or the first of a site."""
    for number, offer in enumerate(offers, start=1):
        cores, memory = (offer["compute"][what]["max"] for what in ("cores", "memory"))
        start = offer["schedule"]["available"]["start"].split("/")[0]
        print(f"offer {number} at {offer['site']}: {cores} cores, {memory} GiB, from {start}")
    for number, offer in enumerate(offers, start=1):
        if site in (None, offer["site"]):
            print(f"takes offer {number}: session {offer['meta']['uuid']}")
            return offer
    raise Refused(f"there is no offer of {site}")


def use(client: Client, offer: Body) -> None:
    """Accepts the offer, waits to be called, reads the session, and ends it."""
    session: str = offer["meta"]["uuid"]
    broker = f"execution-broker.{offer['site']}"

    def set_phase(phase: str, **more: Any) -> None:
        body = {"session": session, "phase": phase, **more}
        answer = client.ask(broker, "srcnet.session.set-phase.v1", body)
        print(f"set {phase}: the session is {answer['phase']}")

    def called(*phases: str, not_before: datetime | None = None) -> str:
        wait = max(0.0, (not_before - datetime.now(timezone.utc)).total_seconds()) if not_before else 0.0
        callback = client.callbacks.wait(lambda message: message.body.get("session") == session, seconds=wait + 300)
        phase: str = callback.body["phase"]
        print(f"called: the session is {phase}")
        if phase not in phases:
            raise Refused(f"the session is {phase}: {callback.body.get('reason', 'no reason is given')}")
        return phase

    # With `once` one call for the phase that is waited for, and one for the end, whatever that is.
    callback = {
        "type": "amqp",
        "address": client.callbacks.address,
        "criteria": {"phases": ["AVAILABLE"], "once": True},
        "content": ["session", "phase", "reason"],
    }
    set_phase("ACCEPTED", callback=callback)
    # The site may be busy until the start that it has offered.
    start = datetime.fromisoformat(offer["schedule"]["available"]["start"].split("/")[0].replace("Z", "+00:00"))
    called("AVAILABLE", not_before=start)
    state = client.ask(broker, "srcnet.session.get.v1", {"session": session})
    # The link holds the session's token: whoever has it is in. Only the owner is told.
    print(f"the session is at {state['connectors'][0]['location']}")
    set_phase("CANCELLED")
    called("CANCELLED")


def read_options() -> argparse.Namespace:
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description="Plays one interactive session by plain AMQP.")
    parser.add_argument("network", type=Path, help="the network.json of a running network")
    parser.add_argument("--user", help="which of its users to be; default: the first")
    parser.add_argument("--site", help="whose offer to take; default: the first")
    parser.add_argument(
        "--workstep", type=Path, default=here.parent / "worksteps" / "notebook.json", help="default: notebook.json"
    )
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main()
    except (Refused, OSError, json.JSONDecodeError) as reason:
        sys.exit(f"session.py: {reason}")
    except pika.exceptions.AMQPError as reason:
        sys.exit(f"session.py: RabbitMQ: {str(reason) or 'it cannot be reached'}")
