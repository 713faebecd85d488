"""create, get, ls, watches, set, delete with kazoo: kazoo_session.py host:port /root. Prints one line per step."""
import sys
import threading

from kazoo.client import KazooClient
from kazoo.exceptions import BadVersionError, NoNodeError, NodeExistsError

hosts, root = sys.argv[1:3]
node, owned = root + "/a", root + "/e"
LIMIT_S = 15


def say(*words):
    print(*words, flush=True)


class Watch:
    """Takes one event."""

    def __init__(self):
        self.event = None
        self.fired = threading.Event()

    def __call__(self, event):
        self.event = event
        self.fired.set()

    def tell(self):
        if not self.fired.wait(LIMIT_S):
            raise SystemExit("the watch did not fire")
        names = {
            "CREATED": "NodeCreated",
            "DELETED": "NodeDeleted",
            "CHANGED": "NodeDataChanged",
            "CHILD": "NodeChildrenChanged",
        }
        say("event", names[self.event.type], self.event.path)


zk = KazooClient(hosts=hosts, timeout=10)
zk.start(timeout=LIMIT_S)
say("created", zk.create(node, b"hello"))
say("created", zk.create(owned, b"owned", ephemeral=True))
data_watch, child_watch = Watch(), Watch()
data, stat = zk.get(node, watch=data_watch)
say("data", data.decode(), stat.version)
say("version", zk.set(node, b"world", version=0).version)
data_watch.tell()
say("data", zk.get(node)[0].decode())
say("children", ",".join(sorted(zk.get_children(root, watch=child_watch))))
for name, call in {
    "create": lambda: zk.create(node),
    "set": lambda: zk.set(node, b"", version=7),
    "get": lambda: zk.get(root + "/none"),
}.items():
    try:
        call()
    except (BadVersionError, NoNodeError, NodeExistsError) as error:
        say("refused", name, type(error).__name__)
transaction = zk.transaction()
transaction.create(root + "/t", b"")
transaction.set_data(node, b"t")
transaction.check(node, 2)
transaction.delete(root + "/t")
say("multi", len(transaction.commit()), zk.get(node)[0].decode())
child_watch.tell()
zk.delete(node)
say("children", ",".join(sorted(zk.get_children(root))))
say("owned by me", zk.exists(owned).owner_session_id == zk.client_id[0])
zk.stop()
zk.close()
say("done")
