#!/usr/bin/env python3
"""The agent of agent.py, with its jobs added by BullMQ's own client for Python (pip install bullmq).

    python3 agent_bullmq.py redis://127.0.0.1:6379 vm4 session-1 report.pdf photo.jpg

Everything else - bytes, numbers, answers - is as there. BullMQ's client is asynchronous; an agent that is not gives it a
loop of its own, as here.
"""

import asyncio
import json
import os
import sys

from bullmq import Queue

import agent


class BullmqAgent(agent.Agent):
    def __init__(self, url, vm):
        self._loop = asyncio.new_event_loop()
        self._queue = Queue("operations", {"prefix": agent.PREFIX, "connection": url})
        super().__init__(agent.Redis(url), vm)

    def _enqueue(self, name, payload, repeat):
        """Does nothing when the job id is in use. The options go with each job: `add` knows no others."""
        options = {"jobId": self._job_id(payload["operationId"], repeat), **agent.JOB_OPTIONS}
        self._loop.run_until_complete(self._queue.add(name, payload, options))

    def close(self):
        self._loop.run_until_complete(self._queue.close())
        self._loop.close()


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    _, url, vm, session_id, *paths = sys.argv
    own = BullmqAgent(url, vm)
    for path in paths:
        with open(path, "rb") as file:
            content = file.read()
        try:
            receipt = own.store(session_id, os.path.basename(path), content)
        except agent.Refused as refused:
            receipt = refused.receipt
        print(json.dumps(receipt), flush=True)
    own.close()


if __name__ == "__main__":
    main()
