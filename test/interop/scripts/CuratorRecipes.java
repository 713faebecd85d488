import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.atomic.AtomicValue;
import org.apache.curator.framework.recipes.atomic.CachedAtomicLong;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicInteger;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicValue;
import org.apache.curator.framework.recipes.atomic.PromotedToLock;
import org.apache.curator.framework.recipes.barriers.DistributedBarrier;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.CuratorCacheListener;
import org.apache.curator.framework.recipes.cache.NodeCache;
import org.apache.curator.framework.recipes.cache.PathChildrenCache;
import org.apache.curator.framework.recipes.cache.TreeCache;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderLatchListener;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;
import org.apache.curator.framework.recipes.leader.Participant;
import org.apache.curator.framework.recipes.locks.InterProcessMultiLock;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreMutex;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.framework.recipes.locks.Revoker;
import org.apache.curator.framework.recipes.nodes.GroupMember;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.nodes.PersistentTtlNode;
import org.apache.curator.framework.recipes.queue.DistributedDelayQueue;
import org.apache.curator.framework.recipes.queue.DistributedIdQueue;
import org.apache.curator.framework.recipes.queue.DistributedPriorityQueue;
import org.apache.curator.framework.recipes.queue.DistributedQueue;
import org.apache.curator.framework.recipes.queue.QueueBuilder;
import org.apache.curator.framework.recipes.queue.QueueConsumer;
import org.apache.curator.framework.recipes.queue.QueueSerializer;
import org.apache.curator.framework.recipes.queue.SimpleDistributedQueue;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.framework.recipes.shared.SharedCountListener;
import org.apache.curator.framework.recipes.shared.SharedCountReader;
import org.apache.curator.framework.recipes.shared.SharedValue;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryOneTime;
import org.apache.zookeeper.CreateMode;

/** Curator, its calls and its recipes: CuratorRecipes host:port /root. Prints one line `name: value` per finding. */
public final class CuratorRecipes extends CuratorSupport {
    public static void main(String[] args) throws Exception {
        hosts = args[0];
        root = args[1];
        a = connected();
        b = connected();
        try {
            CuratorCalls.nodes();
            CuratorCalls.transactions();
            CuratorCalls.security();
            locks();
            leaders();
            barriers();
            counters();
            caches();
            CuratorCalls.watchers();
            persistentNodes();
            queues();
            CuratorCalls.expiry();
        } catch (Throwable error) {
            error.printStackTrace();
            System.exit(1);
        }
        b.close();
        a.close();
        say("done");
        System.exit(0);
    }

    private static void locks() throws Exception {
        String path = root + "/mutex";
        InterProcessMutex mine = new InterProcessMutex(a, path);
        InterProcessMutex theirs = new InterProcessMutex(b, path);
        mine.acquire();
        mine.acquire();
        say("mutex", mine.isAcquiredInThisProcess(), mine.getParticipantNodes().size());
        say("mutex is taken", theirs.acquire(0, TimeUnit.SECONDS));
        Future<Boolean> waits =
                go(
                        () -> {
                            boolean got = theirs.acquire(LIMIT_S, TimeUnit.SECONDS);
                            theirs.release();
                            return got;
                        });
        childrenBecome(path, 2);
        mine.release();
        say("mutex is re-entrant", mine.isAcquiredInThisProcess(), waits.isDone());
        mine.release();
        say("mutex passes on", wait(waits), mine.isAcquiredInThisProcess());

        BlockingQueue<String> revoked = new LinkedBlockingQueue<>();
        mine.makeRevocable(lock -> revoked.add("asked to release"));
        mine.acquire();
        Revoker.attemptRevoke(b, mine.getParticipantNodes().iterator().next());
        say("mutex is revocable", take(revoked));
        mine.release();

        InterProcessReadWriteLock rw = new InterProcessReadWriteLock(a, root + "/rw");
        InterProcessReadWriteLock other = new InterProcessReadWriteLock(b, root + "/rw");
        rw.readLock().acquire();
        say("readers", other.readLock().acquire(LIMIT_S, TimeUnit.SECONDS), other.writeLock().acquire(0, TimeUnit.SECONDS));
        other.readLock().release();
        rw.readLock().release();
        rw.writeLock().acquire();
        say("writer", other.readLock().acquire(0, TimeUnit.SECONDS), rw.readLock().acquire(LIMIT_S, TimeUnit.SECONDS));
        rw.readLock().release();
        rw.writeLock().release();

        InterProcessSemaphoreV2 semaphore = new InterProcessSemaphoreV2(a, root + "/semaphore", 2);
        InterProcessSemaphoreV2 second = new InterProcessSemaphoreV2(b, root + "/semaphore", 2);
        Collection<Lease> two = semaphore.acquire(2);
        say("semaphore", two.size(), second.acquire(100, TimeUnit.MILLISECONDS));
        Future<Lease> lease = go(() -> second.acquire(LIMIT_S, TimeUnit.SECONDS));
        semaphore.returnLease(two.iterator().next());
        say("semaphore passes on", wait(lease) != null, semaphore.getParticipantNodes().size());
        second.returnLease(wait(lease));
        semaphore.returnAll(two.stream().skip(1).collect(Collectors.toList()));

        InterProcessSemaphoreMutex plain = new InterProcessSemaphoreMutex(a, root + "/plain");
        plain.acquire();
        say("semaphore mutex", new InterProcessSemaphoreMutex(b, root + "/plain").acquire(100, TimeUnit.MILLISECONDS));
        plain.release();
        InterProcessMultiLock multi = new InterProcessMultiLock(a, List.of(root + "/m1", root + "/m2"));
        multi.acquire();
        say("multi lock", new InterProcessMutex(b, root + "/m2").acquire(0, TimeUnit.SECONDS));
        multi.release();
    }

    private static void leaders() throws Exception {
        LeaderLatch first = new LeaderLatch(a, root + "/latch", "ann");
        LeaderLatch second = new LeaderLatch(b, root + "/latch", "bob");
        BlockingQueue<String> heard = new LinkedBlockingQueue<>();
        second.addListener(
                new LeaderLatchListener() {
                    @Override
                    public void isLeader() {
                        heard.add("bob leads");
                    }

                    @Override
                    public void notLeader() {
                        heard.add("bob does not lead");
                    }
                });
        first.start();
        first.await(LIMIT_S, TimeUnit.SECONDS);
        second.start();
        childrenBecome(root + "/latch", 2);
        say("latch", first.hasLeadership(), second.hasLeadership(), second.getLeader().getId());
        say(
                "latch participants",
                first.getParticipants().stream().map(Participant::getId).sorted().collect(Collectors.toList()));
        first.close();
        say("latch passes on", take(heard), second.hasLeadership(), second.getLeader().getId());
        second.close(LeaderLatch.CloseMode.NOTIFY_LEADER);
        say("latch is closed", take(heard));

        BlockingQueue<String> terms = new LinkedBlockingQueue<>();
        CountDownLatch end = new CountDownLatch(1);
        LeaderSelector ann = selector(a, "ann", terms, end);
        LeaderSelector bob = selector(b, "bob", terms, new CountDownLatch(0));
        ann.start();
        say("selector", take(terms), ann.hasLeadership());
        bob.start();
        childrenBecome(root + "/selector", 2);
        say("selector participants", ann.getParticipants().size(), bob.getLeader().getId());
        end.countDown();
        say("selector passes on", take(terms));
        childrenBecome(root + "/selector", 0);
        ann.close();
        bob.close();
    }

    private static LeaderSelector selector(
            CuratorFramework client, String id, BlockingQueue<String> terms, CountDownLatch end) {
        LeaderSelector selector =
                new LeaderSelector(
                        client,
                        root + "/selector",
                        new LeaderSelectorListenerAdapter() {
                            @Override
                            public void takeLeadership(CuratorFramework of) throws Exception {
                                terms.add(id + " leads");
                                end.await(LIMIT_S, TimeUnit.SECONDS);
                            }
                        });
        selector.setId(id);
        return selector;
    }

    private static void barriers() throws Exception {
        DistributedBarrier barrier = new DistributedBarrier(a, root + "/barrier");
        DistributedBarrier other = new DistributedBarrier(b, root + "/barrier");
        say("barrier that is not set", other.waitOnBarrier(LIMIT_S, TimeUnit.SECONDS));
        barrier.setBarrier();
        say("barrier is set", other.waitOnBarrier(50, TimeUnit.MILLISECONDS));
        Future<Boolean> waits = go(() -> other.waitOnBarrier(LIMIT_S, TimeUnit.SECONDS));
        barrier.removeBarrier();
        say("barrier is removed", wait(waits));
        DistributedDoubleBarrier one = new DistributedDoubleBarrier(a, root + "/double", 2);
        DistributedDoubleBarrier two = new DistributedDoubleBarrier(b, root + "/double", 2);
        Future<Boolean> enters = go(() -> one.enter(LIMIT_S, TimeUnit.SECONDS));
        childrenBecome(root + "/double", 1);
        say("double barrier entered", two.enter(LIMIT_S, TimeUnit.SECONDS), wait(enters), a.getChildren().forPath(root + "/double").size());
        Future<Boolean> leaves = go(() -> one.leave(LIMIT_S, TimeUnit.SECONDS));
        say("double barrier left", two.leave(LIMIT_S, TimeUnit.SECONDS), wait(leaves));
    }

    private static void counters() throws Exception {
        DistributedAtomicLong mine = new DistributedAtomicLong(a, root + "/long", new RetryOneTime(1));
        DistributedAtomicLong theirs =
                new DistributedAtomicLong(
                        b,
                        root + "/long",
                        new RetryOneTime(1),
                        PromotedToLock.builder().lockPath(root + "/long-lock").retryPolicy(new RetryOneTime(1)).timeout(LIMIT_S, TimeUnit.SECONDS).build());
        say("atomic long", mine.initialize(5L), mine.initialize(6L), mine.increment().postValue(), theirs.add(4L).preValue(), mine.get().postValue());
        AtomicValue<Long> set = theirs.compareAndSet(9L, 1L);
        say("compareAndSet", set.succeeded(), theirs.compareAndSet(10L, 20L).succeeded(), mine.trySet(7L).preValue(), mine.decrement().postValue());
        List<Future<Long>> both = new ArrayList<>();
        for (DistributedAtomicLong each : List.of(new DistributedAtomicLong(a, root + "/both", new RetryOneTime(1)), new DistributedAtomicLong(b, root + "/both", new RetryOneTime(1))))
            both.add(
                    go(
                            () -> {
                                long done = 0;
                                while (done < 10) if (each.increment().succeeded()) done++;
                                return done;
                            }));
        say("two at once", wait(both.get(0)) + wait(both.get(1)), new DistributedAtomicLong(a, root + "/both", new RetryOneTime(1)).get().postValue());
        DistributedAtomicInteger integer = new DistributedAtomicInteger(a, root + "/int", new RetryOneTime(1));
        say("atomic integer", integer.subtract(3).postValue());
        DistributedAtomicValue value = new DistributedAtomicValue(a, root + "/value", new RetryOneTime(1));
        say("atomic value", text(value.trySet(bytes("x")).postValue()), value.compareAndSet(bytes("y"), bytes("z")).succeeded());
        CachedAtomicLong cached = new CachedAtomicLong(new DistributedAtomicLong(a, root + "/cached", new RetryOneTime(1)), 10);
        say("cached long", cached.next().postValue(), cached.next().postValue(), new DistributedAtomicLong(b, root + "/cached", new RetryOneTime(1)).get().postValue());

        BlockingQueue<Integer> heard = new LinkedBlockingQueue<>();
        SharedCount count = new SharedCount(a, root + "/count", 3);
        SharedCount other = new SharedCount(b, root + "/count", 8);
        other.addListener(
                new SharedCountListener() {
                    @Override
                    public void countHasChanged(SharedCountReader reader, int value) {
                        heard.add(value);
                    }

                    @Override
                    public void stateChanged(CuratorFramework client, ConnectionState state) {}
                });
        count.start();
        other.start();
        say("shared count", count.getCount(), other.getCount());
        count.setCount(4);
        say("shared count is heard", take(heard), other.getCount());
        say("shared count set at its version", other.trySetCount(other.getVersionedValue(), 5), count.trySetCount(count.getVersionedValue(), 6) || count.getCount() == 5);
        count.close();
        other.close();
        SharedValue shared = new SharedValue(a, root + "/shared", bytes("seed"));
        shared.start();
        shared.setValue(bytes("set"));
        say("shared value", text(shared.getValue()), shared.getVersionedValue().getVersion(), text(b.getData().forPath(root + "/shared")));
        shared.close();
    }

    private static void caches() throws Exception {
        String path = root + "/cached-tree";
        b.create().creatingParentsIfNeeded().forPath(path + "/a/b", bytes("deep"));
        BlockingQueue<String> heard = new LinkedBlockingQueue<>();
        PathChildrenCache children = new PathChildrenCache(a, path, true);
        children.getListenable().addListener((client, event) -> heard.add(event.getType() + " " + (event.getData() == null ? "" : below(event.getData().getPath()))));
        children.start(PathChildrenCache.StartMode.BUILD_INITIAL_CACHE);
        say("path cache", children.getCurrentData().size(), below(children.getCurrentData().get(0).getPath()));
        b.create().forPath(path + "/c", bytes("1"));
        say("path cache added", take(heard));
        b.setData().forPath(path + "/c", bytes("2"));
        say("path cache updated", take(heard), text(children.getCurrentData(path + "/c").getData()));
        b.delete().forPath(path + "/c");
        say("path cache removed", take(heard));
        children.close();

        BlockingQueue<String> tree = new LinkedBlockingQueue<>();
        TreeCache treeCache = new TreeCache(a, path);
        treeCache.getListenable().addListener((client, event) -> tree.add(event.getType() + " " + (event.getData() == null ? "" : below(event.getData().getPath()))));
        treeCache.start();
        TreeSet<String> initial = new TreeSet<>();
        for (int i = 0; i < 4; i++) initial.add(take(tree));
        say("tree cache", initial);
        b.setData().forPath(path + "/a/b", bytes("deeper"));
        say("tree cache updated", take(tree), text(treeCache.getCurrentData(path + "/a/b").getData()));
        b.create().forPath(path + "/a/b/c");
        say("tree cache added", take(tree));
        b.delete().forPath(path + "/a/b/c");
        say("tree cache removed", take(tree), treeCache.getCurrentChildren(path + "/a").keySet());
        treeCache.close();

        // on a persistent recursive watch
        BlockingQueue<String> events = new LinkedBlockingQueue<>();
        CuratorCache cache = CuratorCache.build(a, path);
        cache.listenable()
                .addListener(
                        CuratorCacheListener.builder()
                                .forInitialized(() -> events.add("initialized"))
                                .forAll((type, before, after) -> events.add(type + " " + below((after == null ? before : after).getPath())))
                                .build());
        cache.start();
        TreeSet<String> seen = new TreeSet<>();
        while (!seen.contains("initialized")) seen.add(take(events));
        say("cache", seen, cache.size());
        b.create().forPath(path + "/a/x", bytes("1"));
        say("cache created", take(events));
        b.setData().forPath(path + "/a/x", bytes("2"));
        say("cache changed", take(events), text(cache.get(path + "/a/x").get().getData()));
        b.delete().deletingChildrenIfNeeded().forPath(path + "/a");
        TreeSet<String> gone = new TreeSet<>();
        for (int i = 0; i < 3; i++) gone.add(take(events));
        say("cache deleted", gone, cache.size());
        cache.close();
        CuratorCache single = CuratorCache.build(a, path, CuratorCache.Options.SINGLE_NODE_CACHE);
        single.listenable().addListener(CuratorCacheListener.builder().forChanges((before, after) -> events.add(text(before.getData()) + " to " + text(after.getData()))).forInitialized(() -> events.add("initialized")).build());
        single.start();
        say("cache of one node", take(events), single.size());
        b.setData().forPath(path, bytes("1"));
        take(events);
        b.setData().forPath(path, bytes("2"));
        say("cache of one node changed", take(events));
        single.close();

        NodeCache node = new NodeCache(a, path);
        BlockingQueue<String> data = new LinkedBlockingQueue<>();
        node.getListenable().addListener(() -> data.add(node.getCurrentData() == null ? "nothing" : text(node.getCurrentData().getData())));
        node.start(true);
        b.setData().forPath(path, bytes("3"));
        say("node cache", take(data));
        b.delete().forPath(path);
        say("node cache deleted", take(data));
        node.close();
    }

    private static void persistentNodes() throws Exception {
        PersistentNode node = new PersistentNode(a, CreateMode.EPHEMERAL, false, root + "/kept", bytes("1"));
        BlockingQueue<String> heard = new LinkedBlockingQueue<>();
        node.getListenable().addListener(path -> heard.add("made " + below(path)));
        node.start();
        say("persistent node is told", take(heard));
        say("persistent node", node.waitForInitialCreate(LIMIT_S, TimeUnit.SECONDS), below(node.getActualPath()), text(b.getData().forPath(root + "/kept")));
        b.delete().forPath(root + "/kept");
        say("persistent node deleted", take(heard), b.checkExists().forPath(root + "/kept") != null);
        node.setData(bytes("2"));
        say("persistent node set", text(node.getData()));
        node.close();
        say("persistent node closed", b.checkExists().forPath(root + "/kept"));
        PersistentTtlNode ttl = new PersistentTtlNode(a, root + "/kept-ttl", 86_400_000, bytes("1"));
        ttl.start();
        say("ttl node", ttl.waitForInitialCreate(LIMIT_S, TimeUnit.SECONDS), text(b.getData().forPath(root + "/kept-ttl")));
        ttl.close();
        GroupMember ann = new GroupMember(a, root + "/group", "ann", bytes("A"));
        GroupMember bob = new GroupMember(b, root + "/group", "bob", bytes("B"));
        ann.start();
        bob.start();
        childrenBecome(root + "/group", 2);
        // the member's own cache hears of it when it does: what is compared is on the server
        Map<String, String> members = new java.util.TreeMap<>();
        for (String name : a.getChildren().forPath(root + "/group"))
            members.put(name, text(a.getData().forPath(root + "/group/" + name)));
        say("group", members);
        // a member that does not know yet that its node was made leaves it behind
        hasHeard(a);
        hasHeard(b);
        ann.close();
        bob.close();
        say("group is left", a.getChildren().forPath(root + "/group"));
    }

    private static final QueueSerializer<String> STRINGS =
            new QueueSerializer<String>() {
                @Override
                public byte[] serialize(String item) {
                    return bytes(item);
                }

                @Override
                public String deserialize(byte[] data) {
                    return text(data);
                }
            };

    private static QueueConsumer<String> into(BlockingQueue<String> queue) {
        return new QueueConsumer<String>() {
            @Override
            public void consumeMessage(String message) {
                queue.add(message);
            }

            @Override
            public void stateChanged(CuratorFramework client, ConnectionState state) {}
        };
    }

    private static void queues() throws Exception {
        BlockingQueue<String> got = new LinkedBlockingQueue<>();
        DistributedQueue<String> producer = QueueBuilder.builder(a, null, STRINGS, root + "/queue").buildQueue();
        producer.start();
        for (String item : List.of("one", "two", "three")) producer.put(item);
        say("queue is flushed", producer.flushPuts(LIMIT_S, TimeUnit.SECONDS), a.getChildren().forPath(root + "/queue").size());
        DistributedQueue<String> consumer = QueueBuilder.builder(b, into(got), STRINGS, root + "/queue").lockPath(root + "/queue-lock").buildQueue();
        consumer.start();
        say("queue", take(got), take(got), take(got));
        producer.put("four");
        say("queue is waited for", take(got));
        childrenBecome(root + "/queue", 0);
        childrenBecome(root + "/queue-lock", 0);
        consumer.close();
        producer.close();

        DistributedPriorityQueue<String> priority = QueueBuilder.builder(a, null, STRINGS, root + "/priority").buildPriorityQueue(0);
        priority.start();
        priority.put("last", 9);
        priority.put("first", 1);
        priority.put("middle", 5);
        priority.flushPuts(LIMIT_S, TimeUnit.SECONDS);
        DistributedPriorityQueue<String> taker = QueueBuilder.builder(b, into(got), STRINGS, root + "/priority").buildPriorityQueue(0);
        taker.start();
        say("priority queue", take(got), take(got), take(got));
        childrenBecome(root + "/priority", 0);
        taker.close();
        priority.close();

        DistributedIdQueue<String> ids = QueueBuilder.builder(a, null, STRINGS, root + "/ids").buildIdQueue();
        ids.start();
        ids.put("wanted", "x");
        ids.put("unwanted", "y");
        ids.flushPuts(LIMIT_S, TimeUnit.SECONDS);
        say("id queue", ids.remove("y"), ids.remove("none"), a.getChildren().forPath(root + "/ids").size());
        ids.close();

        DistributedDelayQueue<String> delayed = QueueBuilder.builder(a, into(got), STRINGS, root + "/delay").buildDelayQueue();
        delayed.start();
        delayed.put("due", System.currentTimeMillis() - 1000);
        say("delay queue", take(got));
        childrenBecome(root + "/delay", 0);
        delayed.close();

        SimpleDistributedQueue simple = new SimpleDistributedQueue(a, root + "/simple");
        SimpleDistributedQueue other = new SimpleDistributedQueue(b, root + "/simple");
        say("simple queue", simple.offer(bytes("1")), simple.offer(bytes("2")), text(other.peek()), text(other.poll()), text(other.remove()), other.poll() == null);
        Future<byte[]> waits = go(other::take);
        simple.offer(bytes("3"));
        say("simple queue is waited for", text(wait(waits)));
        refused("simple queue is empty", simple::element);
    }
}
