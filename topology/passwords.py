#!/usr/bin/env python3
"""Gives each user of RabbitMQ definitions that has no password a random one.

Reads definitions from standard input and writes them to standard output; each user and password goes to standard error, as
a line of two words. RabbitMQ keeps the salted hash only (rabbitmq.com/docs/passwords), so this is the one time to see them.
"""
import base64
import hashlib
import json
import os
import secrets
import sys

definitions = json.load(sys.stdin)
for user in definitions["users"]:
    if user.get("password_hash"):
        continue
    password = secrets.token_urlsafe(24)
    salt = os.urandom(4)
    user["password_hash"] = base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
    user["hashing_algorithm"] = "rabbit_password_hashing_sha256"
    print(user["name"], password, file=sys.stderr)
json.dump(definitions, sys.stdout, indent=2)
print()
