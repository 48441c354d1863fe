# SPDX-License-Identifier: Apache-2.0
# Programs that attach to the agent, well-behaved or not, with what Node has no call for. Each prints lines of JSON:
# attach-peer.py SOCKET WHAT [ARGUMENT…].
import ctypes
import json
import os
import random
import socket
import sys
import time


class Connection:
    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(sys.argv[1])
        self.file = self.socket.makefile("rb")
        self.greeting = self.line()

    def line(self):
        line = self.file.readline()
        return json.loads(line) if line else None

    def send(self, data):
        self.socket.sendall(data)

    def ask(self, scope, next=False):
        self.send(json.dumps({"id": scope, "scope": scope, "next": next}).encode() + b"\n")
        return self.line()


def show(what):
    print(json.dumps(what), flush=True)


def spin(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


# Uses energy, and tells what it is told of that: SCOPE COUNT.
def follow(scope, count):
    connection = Connection()
    show(connection.greeting)
    for _ in range(int(count)):
        spin(0.2)
        show(connection.ask(scope, True))


# Sends lines that may mean anything: COUNT SEED PID…, of others.
def fuzz(count, seed, *pids):
    chance = random.Random(int(seed))
    words = ["id", "scope", "next", "self", "container", "all", "pid", "process", "uid", "..", "/", "\u0000", "__proto__"]

    def value(depth=0):
        kind = chance.randrange(9)
        if kind < 3:
            return chance.choice(words)
        if kind < 5:
            return chance.choice([0, -1, 1e308, 2**53, *map(int, pids)])
        if kind < 7 or depth > 3:
            return chance.choice([None, True, False, "", "x" * chance.randrange(80)])
        if kind < 8:
            return [value(depth + 1) for _ in range(chance.randrange(4))]
        return {chance.choice(words): value(depth + 1) for _ in range(chance.randrange(5))}

    def line():
        kind = chance.randrange(6)
        if kind == 0:
            return bytes(chance.randrange(256) for _ in range(chance.randrange(200))).replace(b"\n", b"")
        if kind == 1:
            return json.dumps(value()).encode()
        if kind == 2:
            text = json.dumps({"id": 1, "scope": "self", "pid": int(chance.choice(pids))}).encode()
            at = chance.randrange(len(text))
            return (text[:at] + bytes([chance.randrange(256)]) + text[at + 1 :]).replace(b"\n", b"")
        if kind == 3 and chance.random() < 0.02:
            return b"[" * 2000
        return json.dumps(
            {
                "id": chance.choice([1, "a", None, chance.choice(pids)]),
                "scope": chance.choice(["self", "container", "all", "pid:" + chance.choice(pids), int(chance.choice(pids)), ["self"]]),
                chance.choice(["pid", "process", "uid", "as"]): int(chance.choice(pids)),
            }
        ).encode()

    seen = {"lines": 0, "pids": {}, "intervals": 0, "codes": {}}
    connection = Connection()
    while seen["lines"] < int(count):
        seen["lines"] += 1
        try:
            connection.send(line() + b"\n")
            answer = connection.line()
        except OSError:
            answer = None
        if answer is None:
            connection = Connection()
            continue
        if "reading" in answer:
            pid = answer["reading"]["process"]["pid"]
            seen["pids"][pid] = seen["pids"].get(pid, 0) + 1
        elif "error" in answer:
            code = answer["error"]["code"]
            seen["codes"][code] = seen["codes"].get(code, 0) + 1
            if code == "too_long":
                connection = Connection()
        else:
            seen["intervals"] += 1
    show({"pid": os.getpid(), **seen})


# Becomes another user while a child keeps the connection and asks.
def setuid():
    connection = Connection()
    show(connection.ask("self", True))
    os.setgid(65534)
    os.setuid(65534)
    show(connection.ask("self", True))


# Executes another program, which keeps the connection.
def execute():
    connection = Connection()
    show(connection.ask("self", True))
    os.set_inheritable(connection.socket.fileno(), True)
    os.execv("/proc/self/exe", ["python3", __file__, sys.argv[1], "inherited", str(connection.socket.fileno())])


def inherited(fd):
    kept = socket.socket(fileno=int(fd))
    kept.sendall(b'{"id":1,"scope":"self","next":true}\n')
    show(json.loads(kept.makefile("rb").readline()))


# Ends, and another process gets its pid, while a third one keeps the connection and asks.
def reuse():
    arrived, leave = os.pipe(), os.pipe()
    connections, passed = socket.socketpair()
    first = os.fork()
    if first == 0:
        connection = Connection()
        connection.ask("self", True)
        socket.send_fds(passed, [b"x"], [connection.socket.fileno()])
        os._exit(0)
    _, (fd,), _, _ = socket.recv_fds(connections, 1, 1)
    os.waitpid(first, 0)
    time.sleep(0.05)
    fields = (ctypes.c_uint64 * 11)()
    wanted = (ctypes.c_int * 1)(first)
    fields[4] = 17  # SIGCHLD
    fields[8] = ctypes.addressof(wanted)
    fields[9] = 1
    second = ctypes.CDLL(None, use_errno=True).syscall(435, fields, ctypes.c_size_t(88))  # clone3
    if second == 0:
        spin(60)
        os._exit(0)
    try:
        kept = socket.socket(fileno=fd)
        kept.sendall(b'{"id":1,"scope":"self","next":true}\n')
        show({"was": first, "is": second, "answer": json.loads(kept.makefile("rb").readline())})
    finally:
        os.kill(second, 9)
        os.waitpid(second, 0)


{
    "follow": follow,
    "fuzz": fuzz,
    "setuid": setuid,
    "execute": execute,
    "inherited": inherited,
    "reuse": reuse,
}[sys.argv[2]](*sys.argv[3:])
