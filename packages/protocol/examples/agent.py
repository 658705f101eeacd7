#!/usr/bin/env python3
"""An agent in another language: stores files with nothing but Python's standard library.

    python3 agent.py redis://127.0.0.1:6379 vm4 session-1 report.pdf photo.jpg

It prints one receipt per file, as JSON. It shows the whole of PROTOCOL.md, one file after the other. The job is
enqueued with raw Redis commands (see enqueue.redis), which belong to one version of BullMQ: in a program of your own,
let the BullMQ client of your language add the job, and keep the rest.
"""

import hashlib
import json
import mimetypes
import os
import socket
import sys
import time
import uuid
from urllib.parse import unquote, urlparse

PREFIX = "{filefleet:0}"
QUEUE = PREFIX + ":operations"
CHUNK_BYTES = 256 * 1024
STAGED_FILE_BYTES = 64 * 1024 * 1024
LEASE_MS = 60 * 1000
QUEUED_TTL_MS = 24 * 3600 * 1000
KNOWN_BYTES_FROM = 256 * 1024
STAGING = PREFIX + ":staging"
GRANTED, WAIT = 1, 0  # what the staging functions answer first
STREAM_TTL_MS = 10 * 60 * 1000
FIRST_ASK_S, LAST_ASK_S = 2, 60
LONGEST_BLOCK_MS = 5_000
JOB_OPTIONS = {"removeOnComplete": {"count": 1000}, "removeOnFail": {"count": 5000}, "attempts": 1}


class RedisError(Exception):
    """Redis itself said no: the command was not executed."""


class Redis:
    """One connection that speaks RESP2."""

    def __init__(self, url):
        address = urlparse(url)
        self._socket = socket.create_connection((address.hostname or "127.0.0.1", address.port or 6379), timeout=20)
        self._reader = self._socket.makefile("rb")
        if address.password:
            name = [unquote(address.username)] if address.username else []
            self.command("AUTH", *name, unquote(address.password))

    def command(self, *args):
        parts = [arg if isinstance(arg, bytes) else str(arg).encode() for arg in args]
        lines = [b"*%d\r\n" % len(parts)]
        for part in parts:
            lines += [b"$%d\r\n" % len(part), part, b"\r\n"]
        self._socket.sendall(b"".join(lines))
        return self._reply()

    def _reply(self):
        line = self._reader.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the connection to Redis broke")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RedisError(rest.decode())
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._reader.read(int(rest) + 2)[:-2]
        return None if rest == b"-1" else [self._reply() for _ in range(int(rest))]


class Refused(Exception):
    """The writer's last word on an operation: asking again changes nothing."""

    def __init__(self, receipt):
        super().__init__(f"{receipt['code']}: {receipt.get('message', '')}")
        self.receipt = receipt


class Agent:
    def __init__(self, redis, vm):
        self._redis, self._vm = redis, vm
        self._producer = str(uuid.uuid4())
        self._used = {}  # session -> the last number used in it
        self._sent = {}  # session -> the last number that was not given up
        self._stream = f"{PREFIX}:receipts:{vm}:{self._producer}"
        self._cursor = "0"
        self._listen()

    def store(self, session_id, filename, content, **fields):
        """Stores bytes. Returns the receipt when they are durable; raises Refused."""
        if len(content) > STAGED_FILE_BYTES:
            raise ValueError(f"expected at most {STAGED_FILE_BYTES} bytes, got {len(content)}; split the file")
        sequence = self._used[session_id] = self._used.get(session_id, 0) + 1
        payload = {
            "v": 1,
            "operationId": uuid7(),
            "vm": self._vm,
            "producer": self._producer,
            "sequence": sequence,
            "previous": self._sent.get(session_id, 0),
            "sessionId": session_id,
            "filename": filename,
            "digest": hashlib.sha256(content).hexdigest(),
            "size": len(content),
            **fields,
        }
        repeat, known = 0, self._is_known(payload)
        while True:
            payload["content"] = {"from": "known"} if known else self._stage(payload["operationId"], content)
            self._enqueue("file-store", payload, repeat)
            self._sent[session_id] = sequence  # what failed before this was given up: the next one does not wait for it
            answer = self._await_answer(payload["operationId"], repeat)
            if answer is not None and answer["outcome"] == "refused":
                raise Refused(answer)
            if answer is not None and answer["outcome"] == "applied":
                return answer
            # Bytes were lost or never there, the order was not kept, or the job is gone: the same operation, again.
            repeat, known = repeat + 1, False
            if answer is not None and answer["code"] == "OUT_OF_ORDER":
                payload["previous"] = 0  # one after the other: all before it are settled, there is nothing to wait for
            if repeat > 4:
                time.sleep(min(2 ** (repeat - 4), LAST_ASK_S))

    def _is_known(self, payload):
        """Whether the writer is believed to hold the bytes: then only the operation travels."""
        if payload["size"] <= KNOWN_BYTES_FROM:
            return False
        until_ms = self._redis.command("ZSCORE", PREFIX + ":known", payload["digest"])
        return until_ms is not None and float(until_ms) > now_ms()

    def _stage(self, operation_id, content):
        """Reserves room, puts the chunks, and gives them a day. Staging again overwrites."""
        chunks = [content[at : at + CHUNK_BYTES] for at in range(0, len(content), CHUNK_BYTES)]
        if not chunks:
            return {"from": "staged", "chunks": 0}
        keys = [f"{PREFIX}:staged:{self._vm}:{operation_id}:{index}" for index in range(len(chunks))]
        who = (self._vm, operation_id)
        while True:
            self._reserve(who, len(content))
            # Renewing the lease comes last, so nothing here may take longer than LEASE_MS.
            put = [self._call("put", [key], *who, n, chunk) for n, (key, chunk) in enumerate(zip(keys, chunks))]
            if all(reply[0] == GRANTED for reply in put):
                missing = self._call("renew", keys, self._vm, QUEUED_TTL_MS, operation_id, len(chunks), len(content))
                if missing == [0]:
                    return {"from": "staged", "chunks": len(chunks), "expiresAtMs": now_ms() + QUEUED_TTL_MS}

    def _reserve(self, who, size):
        while True:
            reply = self._call("reserve", [], *who, size, LEASE_MS)
            if reply[0] == GRANTED:
                return
            if reply[0] != WAIT:
                raise ValueError(f"expected {size} bytes to fit into the budget, got {reply}; split the file")
            time.sleep(0.1)  # in line: whoever is silent for 5 s loses the place

    def _call(self, function, keys, *args):
        """Calls a function that the writer loads. Without one, somebody has to start a writer first."""
        patience = time.monotonic() + 60
        while True:
            try:
                return self._redis.command("FCALL", "filefleet1_" + function, 1 + len(keys), STAGING, *keys, *args)
            except RedisError as error:
                if "Function not found" not in str(error) or time.monotonic() > patience:
                    raise
                time.sleep(0.2)

    def _job_id(self, operation_id, repeat):
        return f"{self._vm}-{operation_id}" + (f"-{repeat}" if repeat else "")

    def _enqueue(self, name, payload, repeat):
        """As BullMQ 6.7.0 does it: see enqueue.redis. Does nothing when the job id is in use."""
        redis, job_id = self._redis, self._job_id(payload["operationId"], repeat)
        job, events = f"{QUEUE}:{job_id}", f"{QUEUE}:events"
        options = to_json({"jobId": job_id, **JOB_OPTIONS})
        while True:
            redis.command("WATCH", job)
            if redis.command("EXISTS", job) == 1:
                redis.command("UNWATCH")
                return
            redis.command("MULTI")
            redis.command("INCR", f"{QUEUE}:id")
            redis.command(
                "HSET", job, "name", name, "data", to_json(payload), "opts", options,
                "timestamp", now_ms(), "delay", 0, "priority", 0,
            )  # fmt: skip
            redis.command("XADD", events, "*", "event", "added", "jobId", job_id, "name", name)
            redis.command("LPUSH", f"{QUEUE}:wait", job_id)
            redis.command("ZADD", f"{QUEUE}:marker", 0, 0)
            redis.command("XADD", events, "MAXLEN", "~", 1000, "*", "event", "waiting", "jobId", job_id)
            if redis.command("EXEC") is not None:
                return

    def _listen(self):
        """The producer makes its reply stream and keeps it alive; the writer only adds to one that is there."""
        if self._redis.command("PEXPIRE", self._stream, STREAM_TTL_MS) == 1:
            return
        self._cursor = "0"
        self._redis.command("XADD", self._stream, "*", "hello", "1")
        self._redis.command("PEXPIRE", self._stream, STREAM_TTL_MS)

    def _await_answer(self, operation_id, repeat):
        """The answer of the writer; None when the job is gone without one: then add it again."""
        wait_s = FIRST_ASK_S
        while True:
            deadline = time.monotonic() + wait_s
            while (left_ms := int((deadline - time.monotonic()) * 1000)) > 0:
                for answer in self._read(min(left_ms, LONGEST_BLOCK_MS)):
                    if answer["operationId"] == operation_id:
                        return answer
            self._listen()  # a stream is a hint: when it stays silent, the job itself is looked at
            unfinished, answer = self._look(operation_id, repeat)
            if not unfinished:
                return answer
            wait_s = min(wait_s * 2, LAST_ASK_S)

    def _read(self, block_ms):
        reply = self._redis.command("XREAD", "COUNT", 100, "BLOCK", block_ms, "STREAMS", self._stream, self._cursor)
        answers = []
        for _, entries in reply or []:
            for entry_id, fields in entries:
                self._cursor = entry_id.decode()
                values = dict(zip(fields[::2], fields[1::2]))
                if b"answer" in values:
                    answers.append(json.loads(values[b"answer"]))
        return answers

    def _look(self, operation_id, repeat):
        """A completed job has the receipt as its return value; a failed one has to be asked for again."""
        job = f"{QUEUE}:{self._job_id(operation_id, repeat)}"
        data, finished, failed, value = self._redis.command(
            "HMGET", job, "data", "finishedOn", "failedReason", "returnvalue"
        )
        unfinished = data is not None and finished is None
        if unfinished or failed or value is None:
            return unfinished, None
        return False, json.loads(value)


def uuid7():
    """48 bits of time, then random bits, as RFC 9562 says."""
    bits = (now_ms() << 80) | int.from_bytes(os.urandom(10), "big")
    bits = bits & ~(0xF << 76) | (7 << 76)
    bits = bits & ~(0x3 << 62) | (0b10 << 62)
    return str(uuid.UUID(int=bits))


def now_ms():
    return int(time.time() * 1000)


def to_json(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    _, url, vm, session_id, *paths = sys.argv
    agent = Agent(Redis(url), vm)
    for path in paths:
        with open(path, "rb") as file:
            content = file.read()
        mime_type, _ = mimetypes.guess_type(path)
        fields = {"mimeType": mime_type} if mime_type else {}
        try:
            receipt = agent.store(session_id, os.path.basename(path), content, **fields)
        except Refused as refused:
            receipt = refused.receipt
        print(json.dumps(receipt), flush=True)


if __name__ == "__main__":
    main()
