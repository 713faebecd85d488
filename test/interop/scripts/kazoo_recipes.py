"""
What kazoo can do, and its recipes: kazoo_recipes.py host:port /root. Prints one line `name: value` per finding.
Two sessions, A and B; and children of this process whose sessions the server ends.
"""
import threading
from datetime import datetime, timedelta

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import KazooException
from kazoo.recipe.cache import TreeCache, TreeEvent
from kazoo.security import ACL, Id, make_digest_acl, make_digest_acl_credential

from kazoo_support import (
    LIMIT_S,
    SESSION_S,
    SHORT_SESSION_S,
    Child,
    Heard,
    await_,
    children_become,
    connected,
    event_words,
    hosts,
    in_thread,
    refused,
    root,
    say,
    words,
)

SUPER = "super:test"


# ---- single calls


def nodes():
    node, owned = root + "/a", root + "/e"
    say("create", a.create(node, b"hello").removeprefix(root))
    say("create ephemeral", a.create(owned, b"owned", ephemeral=True).removeprefix(root))
    say("create with stat", a.create(root + "/s", b"12", include_data=True)[1].dataLength)
    heard, kids = Heard(), Heard()
    data, stat = a.get(node, watch=heard)
    say("get", data.decode(), stat.version, stat.numChildren, stat.ephemeralOwner, stat.czxid == stat.mzxid)
    say("set", a.set(node, b"world", version=0).version)
    say("data event", *event_words(heard.take("data event")))
    say("get again", a.get(node)[0].decode())
    say("children", words(sorted(a.get_children(root, watch=kids))))
    names, stat = a.get_children(root, include_data=True)
    say("children with stat", len(names), stat.numChildren, stat.cversion)
    refused("create again", lambda: a.create(node))
    refused("create below nothing", lambda: a.create(root + "/none/x"))
    refused("create below ephemeral", lambda: a.create(owned + "/x"))
    refused("set a wrong version", lambda: a.set(node, b"", version=7))
    refused("get nothing", lambda: a.get(root + "/none"))
    refused("delete a wrong version", lambda: a.delete(node, version=0))
    a.delete(node)
    say("child event", *event_words(kids.take("child event")))
    say("exists", a.exists(node, watch=heard), a.exists(owned).owner_session_id == a.client_id[0])
    a.create(node)
    say("exists event", *event_words(heard.take("exists event")))
    say("makepath", a.create(root + "/d/e/e/p", b"", makepath=True).removeprefix(root))
    a.ensure_path(root + "/d/x/y")
    refused("delete with children", lambda: a.delete(root + "/d"))
    say("delete recursive", a.delete(root + "/d", recursive=True), a.exists(root + "/d"))
    say("sync", a.sync(root).removeprefix(root) == "")
    say("big", len(a.get(a.create(root + "/big", b"x" * 1_000_000))[0]))
    a.delete(root + "/big")
    say("letters", a.create(root + "/zażółć", b"").removeprefix(root))
    refused("a path beyond the first 65536 characters", lambda: a.create(root + "/\U0001f418"))
    say("chroot", chrooted())


def chrooted():
    client = KazooClient(hosts=hosts + root, timeout=SESSION_S)
    client.start(timeout=LIMIT_S)
    made = client.create("/in", b"")
    client.stop()
    client.close()
    return made, a.exists(root + "/in") is not None


def sequences():
    top = a.create(root + "/seq")
    for index in range(3):
        say("sequence", index, a.create(top + "/n-", b"", sequence=True).removeprefix(top))
    a.create(top + "/other")
    a.delete(top + "/other")
    # the counter is the cversion: the node that came and went counts once more
    say("sequence after others", a.create(top + "/n-", b"", sequence=True, ephemeral=True).removeprefix(top))
    say("sequence of nothing but digits", a.create(top + "/", b"", sequence=True).removeprefix(top))


def security():
    credential = make_digest_acl_credential("ann", "secret")
    top = root + "/secret"
    a.create(top, b"hidden", acl=[make_digest_acl("ann", "secret", all=True)])
    refused("get without credentials", lambda: a.get(top))
    refused("set without credentials", lambda: a.set(top, b""))
    refused("create without credentials", lambda: a.create(top + "/x"))
    refused("get_acls without credentials", lambda: a.get_acls(top))
    refused("exists without credentials", lambda: a.exists(top).dataLength)
    say("add_auth", a.add_auth("digest", "ann:secret"))
    acls, stat = a.get_acls(top)
    say("get_acls", [(acl.perms, acl.id.scheme, acl.id.id == credential) for acl in acls], stat.aversion)
    say("get with credentials", a.get(top)[0].decode())
    mine = a.create(root + "/mine", b"", acl=[ACL(31, Id("auth", ""))])
    say("auth becomes", a.get_acls(mine)[0][0].id.scheme, a.get_acls(mine)[0][0].id.id == credential)
    world = [ACL(1, Id("world", "anyone"))]
    refused("set_acls a wrong version", lambda: a.set_acls(mine, world, version=3))
    say("set_acls", a.set_acls(mine, world, version=0).aversion)
    say("read only for all", b.get(mine)[0], a.get_acls(mine)[0][0].perms)
    refused("set what is read only", lambda: b.set(mine, b""))
    refused("set_acls without right", lambda: b.set_acls(mine, [ACL(31, Id("world", "anyone"))]))
    refused("create with a bad scheme", lambda: a.create(root + "/noacl", acl=[ACL(31, Id("nobody", "x"))]))
    ip = a.create(root + "/ip", b"", acl=[ACL(31, Id("ip", "127.0.0.1"))])
    say("by address", b.get(ip)[0])
    c = connected()
    refused("someone else", lambda: c.get(top))
    c.add_auth("digest", SUPER)
    say("super user", c.get(top)[0].decode())
    c.stop()
    c.close()
    a.delete(top)
    bad = connected()
    try:
        bad.add_auth("nobody", "x")
    except KazooException as error:
        say("add_auth of a bad scheme", type(error).__name__)
    bad.stop()
    bad.close()


def transactions():
    top = a.create(root + "/tx", b"0")
    t = a.transaction()
    t.create(top + "/a", b"1")
    t.create(top + "/q-", b"", sequence=True)
    t.set_data(top, b"2", version=0)
    t.check(top, 1)
    t.delete(top + "/a")
    results = t.commit()
    say(
        "transaction",
        results[0].removeprefix(top),
        results[1].removeprefix(top),
        results[2].version,
        results[3],
        results[4],
    )
    say("after it", a.get(top)[0].decode(), words(a.get_children(top)), a.exists(top).cversion)
    t = a.transaction()
    t.create(top + "/b", b"")
    t.check(top, 9)
    t.delete(top + "/none")
    say("transaction refused", words(type(each).__name__ for each in t.commit()))
    say("nothing is left", a.exists(top + "/b"), a.exists(top).cversion)
    with a.transaction() as t:
        t.set_data(top, b"3")
    say("transaction in a block", a.get(top)[0].decode())
    t = a.transaction()
    t.set_data(top + "/none", b"")
    say("transaction of one", words(type(each).__name__ for each in t.commit()))


def server():
    say("ruok", a.command(b"ruok"))
    say("srvr", a.command(b"srvr").startswith("Zookeeper version: "), "Mode: standalone" in a.command(b"srvr"))
    say("server_version", len(a.server_version()) >= 3)
    say("mntr", "zk_server_state\tstandalone" in a.command(b"mntr"))
    # reconfig is left out: its refusal, -123, is a code that kazoo does not know, and ends its thread
    say("config", a.get("/zookeeper/config")[0])


# ---- recipes


def locks():
    path = root + "/lock"
    mine, theirs = a.Lock(path, "a"), b.Lock(path, "b")
    say("lock", mine.acquire(), mine.is_acquired)
    say("lock is taken", theirs.acquire(blocking=False))
    waits = in_thread(theirs.acquire)
    children_become(a, path, 2)
    say("lock contenders", words(mine.contenders()))
    mine.release()
    say("lock passes on", waits(), theirs.is_acquired, words(theirs.contenders()))
    theirs.release()
    with a.Lock(path, "a"):
        say("lock in a block", len(a.get_children(path)))
    reader, other, writer = a.ReadLock(path, "r1"), b.ReadLock(path, "r2"), b.WriteLock(path, "w")
    say("read locks", reader.acquire(), other.acquire())
    waits = in_thread(writer.acquire)
    children_become(a, path, 3)
    reader.release()
    other.release()
    say("write lock after readers", waits())
    say("read lock beside a writer", a.ReadLock(path).acquire(blocking=False))
    writer.release()
    semaphore, second = a.Semaphore(root + "/sem", "s1", max_leases=1), b.Semaphore(root + "/sem", "s2", max_leases=1)
    say("semaphore", semaphore.acquire(), words(semaphore.lease_holders()), second.acquire(blocking=False))
    waits = in_thread(second.acquire)
    children_become(a, root + "/sem-__lock__", 1)
    semaphore.release()
    say("semaphore passes on", waits())
    second.release()
    lost = b.Lock(path, "lost")
    c = connected()
    held = c.Lock(path, "c")
    held.acquire()
    waits = in_thread(lost.acquire)
    children_become(a, path, 2)
    c.stop()
    c.close()
    say("lock of an ended session", waits())
    lost.release()


def elections():
    path = root + "/election"
    order = Heard()
    first, second = a.Election(path, "a"), b.Election(path, "b")
    hold = threading.Event()

    def lead_and_hold():
        order("a leads")
        await_(hold, "hold")

    runs = [in_thread(lambda: (first.run(lead_and_hold), True))]
    say("election", order.take("a leads"))
    runs.append(in_thread(lambda: (second.run(lambda: order("b leads")), True)))
    children_become(a, path, 2)
    say("election contenders", words(first.contenders()))
    hold.set()
    say("election goes on", order.take("b leads"))
    for run in runs:
        run()
    say("election is over", a.get_children(path))


def barriers():
    barrier = a.Barrier(root + "/barrier")
    say("barrier that is not there", b.Barrier(root + "/barrier").wait(1))
    barrier.create()
    waits = in_thread(b.Barrier(root + "/barrier").wait)
    say("barrier removed", barrier.remove(), waits(), barrier.remove())
    path = root + "/double"
    first, second = a.DoubleBarrier(path, 2, "a"), b.DoubleBarrier(path, 2, "b")
    waits = in_thread(lambda: (first.enter(), first.participating))
    children_become(a, path, 1)
    second.enter()
    say("double barrier entered", waits()[1], second.participating, len(a.get_children(path)), a.exists(path + "/ready").version)
    waits = in_thread(lambda: (first.leave(), first.participating))
    second.leave()
    say("double barrier left", waits()[1], a.get_children(path))


def counters():
    path = root + "/counter"
    first, second = a.Counter(path), b.Counter(path)
    first += 2
    second += 3
    second -= 1
    say("counter", first.value, second.pre_value, second.post_value, a.exists(path).version)

    def ten(client):
        counter = client.Counter(path)
        for _ in range(10):
            counter += 1
        return True

    both = [in_thread(lambda client=client: ten(client)) for client in (a, b)]
    say("counter of two at once", [each() for each in both], first.value, a.exists(path).version)
    half = a.Counter(root + "/half", default=1.5)
    half += 0.25
    say("counter of floats", half.value)
    curator = a.Counter(root + "/curator", support_curator=True)
    curator += 7
    say("counter as Curator writes it", a.get(root + "/curator")[0].hex())


def queues():
    queue, other = a.Queue(root + "/queue"), b.Queue(root + "/queue")
    for value, priority in ((b"late", 200), (b"one", 100), (b"two", 100)):
        queue.put(value, priority=priority)
    say("queue", len(queue), words(other.get().decode() for _ in range(3)), other.get(), len(queue))
    locking, taker = a.LockingQueue(root + "/lq"), b.LockingQueue(root + "/lq")
    locking.put_all([b"x", b"y"])
    say("locking queue", len(locking), taker.get(LIMIT_S), taker.holds_lock(), locking.get(LIMIT_S))
    say("locking queue consumed", taker.consume(), taker.holds_lock(), locking.get(LIMIT_S), locking.release())
    say("locking queue released", taker.get(LIMIT_S), taker.consume(), len(locking))
    waits = in_thread(lambda: taker.get(LIMIT_S))
    locking.put(b"z")
    say("locking queue waited for", waits(), taker.consume())


together = threading.Barrier(2, timeout=LIMIT_S)


def partition(client, name):
    """A member of a party that shares p and q: what is its own once each of the two has one."""

    def run():
        changed = threading.Event()
        part = client.SetPartitioner(
            root + "/partition", set="pq", identifier=name, time_boundary=0.05, state_change_event=changed
        )
        while True:
            changed.clear()
            if part.acquired and len(list(part)) == 1:
                break
            # who was there first may have seen itself alone
            if part.release:
                part.release_set()
            else:
                await_(changed, "partition of " + name)
        mine = name + " has one of " + str(len(list(part)))
        together.wait()
        part.finish()
        return mine

    return run


def parties():
    for name in ("Party", "ShallowParty"):
        path = root + "/" + name
        first, second = getattr(a, name)(path, "ann"), getattr(b, name)(path, "bob")
        first.join()
        second.join()
        say(name, words(sorted(first)), len(second))
        first.leave()
        say(name + " left", words(second), len(first))
        second.leave()
    say("partitioner", words(sorted(each() for each in [in_thread(partition(a, "a")), in_thread(partition(b, "b"))])))
    say("partitioner is left", a.get_children(root + "/partition/party"))
    noon = datetime(2020, 1, 1, 12)
    lease = a.NonBlockingLease(root + "/lease", timedelta(hours=1), "ann", utcnow=lambda: noon)
    taken = b.NonBlockingLease(root + "/lease", timedelta(hours=1), "bob", utcnow=lambda: noon)
    later = b.NonBlockingLease(root + "/lease", timedelta(hours=1), "bob", utcnow=lambda: noon + timedelta(hours=2))
    say("lease", bool(lease), bool(taken), bool(later))
    many = [
        client.MultiNonBlockingLease(2, root + "/leases", timedelta(hours=1), str(index), utcnow=lambda: noon)
        for index, client in enumerate((a, b, a))
    ]
    say("leases", [bool(each) for each in many])


def watchers():
    path = root + "/watched"
    data, kids = Heard(), Heard()
    a.DataWatch(path, lambda value, stat, event: data(value, event and event.type))
    say("DataWatch of nothing", *data.take("nothing"))
    b.create(path, b"1")
    say("DataWatch created", *data.take("created"))
    a.ChildrenWatch(path, lambda names: kids(sorted(names)))
    say("ChildrenWatch", kids.take("children"))
    b.create(path + "/x")
    say("ChildrenWatch of a new child", kids.take("children"))
    b.set(path, b"2")
    say("DataWatch changed", *data.take("changed"))
    b.delete(path + "/x")
    say("ChildrenWatch of a lost child", kids.take("children"))
    b.delete(path)
    say("DataWatch deleted", *data.take("deleted"))
    b.create(path, b"3")
    say("DataWatch created again", *data.take("created"))


def tree_cache():
    path = root + "/tree"
    b.ensure_path(path + "/a/b")
    b.set(path + "/a/b", b"deep")
    heard = Heard()
    names = {getattr(TreeEvent, name): name for name in dir(TreeEvent) if name.isupper()}
    cache = TreeCache(a, path)
    cache.listen(lambda event: heard(names[event.event_type], event.event_data and event.event_data.path.removeprefix(path)))
    cache.start()

    def until(wanted):
        seen = []
        while wanted not in seen:
            seen.append(heard.take(str(wanted)))
        return sorted(str(each) for each in seen)

    say("TreeCache", until(("INITIALIZED", None)))
    say("TreeCache data", cache.get_data(path + "/a/b").data.decode(), sorted(cache.get_children(path)))
    b.create(path + "/a/c", b"")
    say("TreeCache of a new node", until(("NODE_ADDED", "/a/c")))
    b.set(path + "/a/b", b"deeper")
    say("TreeCache of new data", until(("NODE_UPDATED", "/a/b")), cache.get_data(path + "/a/b").data.decode())
    b.delete(path + "/a/b")
    say("TreeCache of a lost node", until(("NODE_REMOVED", "/a/b")), cache.get_data(path + "/a/b"))
    cache.close()


# ---- sessions

def sessions():
    stopped, killed = Child(root + "/of-stopped", SHORT_SESSION_S), Child(root + "/of-killed", SHORT_SESSION_S)
    say("children", stopped.first, killed.first)
    gone = [Heard(), Heard()]
    a.exists(root + "/of-stopped", watch=gone[0])
    a.exists(root + "/of-killed", watch=gone[1])
    stopped.stop()
    killed.process.kill()
    killed.process.wait()
    say("ephemeral of a killed process", *event_words(gone[1].take("expiry")))
    say("ephemeral of a stopped process", *event_words(gone[0].take("expiry")))
    stopped.go_on("who was stopped")

    # a session that somebody else takes over and ends
    owner = Child(root + "/taken", SESSION_S)
    owner.stop()
    taker = KazooClient(hosts=hosts, timeout=SESSION_S, client_id=owner.session)
    taker.start(timeout=LIMIT_S)
    mine = taker.exists(root + "/taken").owner_session_id == taker.client_id[0]
    say("session taken over", taker.client_id == owner.session, mine)
    taker.stop()
    taker.close()
    say("and ended", a.exists(root + "/taken"))
    owner.go_on("its first owner")

    # a wrong password is a session that is not there; but the owner is cut off before anybody looks at the password
    states = Heard()
    a.add_listener(states)
    owner = a.client_id[0]
    wrong = KazooClient(hosts=hosts, timeout=SESSION_S, client_id=(owner, b"x" * 16))
    wrong.start(timeout=LIMIT_S)
    say("session with a wrong password", wrong.client_id[0] == owner)
    say("the owner of the session", states.take("a cut"), states.take("a new connection"), a.client_id[0] == owner)
    wrong.stop()
    wrong.close()


a, b = connected(), connected()
for part in (
    nodes,
    sequences,
    security,
    transactions,
    server,
    locks,
    elections,
    barriers,
    counters,
    queues,
    parties,
    watchers,
    tree_cache,
    sessions,
):
    part()
for client in (b, a):
    client.stop()
    client.close()
say("done")
