"""What the kazoo script shares: its arguments, and ways to wait and to tell."""
import os
import signal
import subprocess
import sys
import threading

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import KazooException

hosts, root = sys.argv[1:3]
LIMIT_S = 30
# of those that must not end while the machine is busy, and of those that are to end
SESSION_S = 30
SHORT_SESSION_S = 6


def say(name, *values):
    print((name + ": " + " ".join(str(value) for value in values)).rstrip(" "), flush=True)


def words(values):
    return ",".join(values)


def await_(event, what):
    if not event.wait(LIMIT_S):
        raise SystemExit("waited in vain: " + what)


class Heard:
    """Keeps what it is called with, and lets one wait for the next call."""

    def __init__(self):
        self.values = []
        self.changed = threading.Condition()

    def __call__(self, *values):
        with self.changed:
            self.values.append(values[0] if len(values) == 1 else values)
            self.changed.notify_all()

    def take(self, what):
        """The first value that nobody took yet."""
        with self.changed:
            if not self.changed.wait_for(lambda: self.values, LIMIT_S):
                raise SystemExit("waited in vain: " + what)
            return self.values.pop(0)


def event_words(event):
    return event.type, event.path.removeprefix(root), event.state


def refused(name, call):
    try:
        say(name, "no error:", call())
    except KazooException as error:
        say(name, type(error).__name__)


def connected():
    client = KazooClient(hosts=hosts, timeout=SESSION_S)
    client.start(timeout=LIMIT_S)
    return client


def in_thread(call):
    """Runs it in a thread; the result is a function that waits for it and gives what it gave."""
    result = []
    thread = threading.Thread(target=lambda: result.append(call()), daemon=True)
    thread.start()

    def wait():
        thread.join(LIMIT_S)
        if thread.is_alive() or not result:
            raise SystemExit("a thread did not finish")
        return result[0]

    return wait


def children_become(client, path, count):
    """Waits until a node has so many children."""
    reached = threading.Event()

    def look(_event=None):
        if reached.is_set():
            return
        names = client.get_children(path, watch=look) if client.exists(path, watch=look) else []
        if len(names) == count:
            reached.set()

    look()
    await_(reached, "%d children of %s" % (count, path))


CHILD = """
import sys
from kazoo.client import KazooClient
hosts, path, timeout = sys.argv[1:4]
zk = KazooClient(hosts=hosts, timeout=float(timeout))
zk.add_listener(lambda state: print(state, flush=True))
zk.start(timeout=30)
owner = zk.client_id[0]
zk.create(path, b"", ephemeral=True)
print(owner, zk.client_id[1].hex(), flush=True)
sys.stdin.readline()
print("same session" if zk.client_id[0] == owner else "another session", zk.exists(path), flush=True)
zk.stop()
"""


class Child:
    """A process that owns a node and a session of so many seconds."""

    def __init__(self, path, timeout):
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD, hosts, path, str(timeout)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.first = self.line()
        owner, password = self.line().split()
        self.session = (int(owner), bytes.fromhex(password))

    def line(self):
        line = self.process.stdout.readline().strip()
        if line == "":
            raise SystemExit("a child ended")
        return line

    def stop(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self, name):
        """Tells what it hears of the loss of its session."""
        os.kill(self.process.pid, signal.SIGCONT)
        seen = []
        while seen[-2:] != [KazooState.LOST, KazooState.CONNECTED]:
            seen.append(self.line())
        say(name + " hears", words(seen))
        self.process.stdin.write("go on\n")
        self.process.stdin.close()
        say(name + " has", self.line())
        self.process.wait()
