import java.io.DataInputStream;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.api.transaction.CuratorTransactionResult;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.watch.PersistentWatcher;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryOneTime;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Stat;

/** Calls of CuratorFramework, watches, and the end of a session. */
abstract class CuratorCalls extends CuratorSupport {
    static void nodes() throws Exception {
        say("create", below(a.create().forPath(root + "/a", bytes("hello"))));
        say("ephemeral", below(a.create().withMode(CreateMode.EPHEMERAL).forPath(root + "/e", bytes("owned"))));
        long session = a.getZookeeperClient().getZooKeeper().getSessionId();
        say("owned by me", a.checkExists().forPath(root + "/e").getEphemeralOwner() == session);
        Stat stat = new Stat();
        a.create().storingStatIn(stat).forPath(root + "/s", bytes("12"));
        say("create with stat", stat.getDataLength(), stat.getCzxid() == stat.getPzxid());
        say("parents", below(a.create().creatingParentsIfNeeded().forPath(root + "/p/q/r", bytes("deep"))));
        say(
                "containers",
                below(a.create().creatingParentContainersIfNeeded().forPath(root + "/c/d", bytes("deep"))),
                a.checkExists().forPath(root + "/c").getEphemeralOwner());
        say("or set", below(a.create().orSetData().forPath(root + "/a", bytes("set"))), text(a.getData().forPath(root + "/a")));
        String guarded =
                a.create().withProtection().withMode(CreateMode.EPHEMERAL_SEQUENTIAL).forPath(root + "/guarded-");
        say("protected", below(guarded).replaceAll("[0-9a-f-]{36}", "GUID"));
        say("ttl", below(a.create().withTtl(86_400_000).withMode(CreateMode.PERSISTENT_WITH_TTL).forPath(root + "/t")));
        say(
                "compressed",
                text(a.getData().decompressed().forPath(a.create().compressed().forPath(root + "/z", bytes("zip")))));
        say("getData", text(a.getData().storingStatIn(stat).forPath(root + "/a")), stat.getVersion());
        say("setData", a.setData().withVersion(1).forPath(root + "/a", bytes("again")).getVersion());
        say("getChildren", new TreeSet<>(a.getChildren().storingStatIn(stat).forPath(root)).subSet("a", "g"), stat.getCversion());
        refused("create again", () -> a.create().forPath(root + "/a"));
        refused("create below nothing", () -> a.create().forPath(root + "/none/x"));
        refused("create below ephemeral", () -> a.create().forPath(root + "/e/x"));
        refused("setData of a wrong version", () -> a.setData().withVersion(9).forPath(root + "/a"));
        refused("getData of nothing", () -> a.getData().forPath(root + "/none"));
        refused("delete with children", () -> a.delete().forPath(root + "/p"));
        a.delete().deletingChildrenIfNeeded().forPath(root + "/p");
        a.delete().quietly().forPath(root + "/none");
        a.delete().idempotent().withVersion(2).forPath(root + "/a");
        say("deleted", a.checkExists().forPath(root + "/p"), a.checkExists().forPath(root + "/a"));
        a.delete().guaranteed().forPath(root + "/z");
        BlockingQueue<String> heard = new LinkedBlockingQueue<>();
        a.sync().inBackground((client, event) -> heard.add(event.getType() + " " + event.getResultCode())).forPath(root);
        say("sync", take(heard));
        a.getData().inBackground((client, event) -> heard.add(event.getType() + " " + event.getResultCode())).forPath(root + "/none");
        say("in the background", take(heard));
        a.getChildren().usingWatcher(into("", heard)).forPath(root);
        b.create().forPath(root + "/seen");
        say("watcher", take(heard));
        a.checkExists().usingWatcher(into("", heard)).forPath(root + "/seen");
        a.watches().removeAll().forPath(root + "/seen");
        say("removed watch", take(heard));
        refused("remove no watch", () -> a.watches().removeAll().forPath(root + "/none"));
        say("namespace", below(a.usingNamespace(root.substring(1)).create().forPath("/in")), a.checkExists().forPath(root + "/in") != null);
        CuratorFramework chrooted =
                started(CuratorFrameworkFactory.newClient(hosts + root, SESSION_MS, SESSION_MS, new RetryOneTime(100)));
        say("chroot", chrooted.create().forPath("/chroot"), a.checkExists().forPath(root + "/chroot") != null);
        chrooted.close();
        say("config", text(a.getConfig().forEnsemble()));
        refused("reconfig", () -> a.reconfig().leaving("9").forEnsemble());
    }

    static void transactions() throws Exception {
        String top = a.create().forPath(root + "/tx", bytes("0"));
        List<CuratorTransactionResult> results =
                a.transaction()
                        .forOperations(
                                a.transactionOp().create().forPath(top + "/a", bytes("1")),
                                a.transactionOp().create().withMode(CreateMode.PERSISTENT_SEQUENTIAL).forPath(top + "/n-"),
                                a.transactionOp().setData().withVersion(0).forPath(top, bytes("1")),
                                a.transactionOp().check().withVersion(1).forPath(top),
                                a.transactionOp().delete().forPath(top + "/a"));
        for (CuratorTransactionResult result : results) {
            Integer version = result.getResultStat() == null ? null : result.getResultStat().getVersion();
            say("transaction", result.getType(), below(result.getForPath()), below(result.getResultPath()), version, result.getError());
        }
        say("after it", text(a.getData().forPath(top)), a.getChildren().forPath(top));
        try {
            a.transaction()
                    .forOperations(
                            a.transactionOp().create().forPath(top + "/b"),
                            a.transactionOp().check().withVersion(9).forPath(top),
                            a.transactionOp().delete().forPath(top + "/none"));
        } catch (KeeperException error) {
            say(
                    "transaction refused",
                    error.code(),
                    error.getResults().stream().map(each -> each.getClass().getSimpleName()).collect(Collectors.toList()));
        }
        say("nothing is left", a.checkExists().forPath(top + "/b"));
        refused("empty transaction", () -> a.transaction().forOperations().size());
    }

    static void security() throws Exception {
        CuratorFramework ann =
                started(
                        CuratorFrameworkFactory.builder()
                                .connectString(hosts)
                                .sessionTimeoutMs(SESSION_MS)
                                .retryPolicy(new RetryOneTime(100))
                                .authorization("digest", bytes("ann:secret"))
                                .build());
        String path = ann.create().withACL(ZooDefs.Ids.CREATOR_ALL_ACL).forPath(root + "/ann", bytes("hers"));
        say("creator", acls(ann.getACL().forPath(path)));
        refused("getData of another", () -> a.getData().forPath(path));
        refused("setData of another", () -> a.setData().forPath(path));
        refused("create of another", () -> a.create().forPath(path + "/x"));
        refused("getACL of another", () -> a.getACL().forPath(path));
        refused("setACL of another", () -> a.setACL().withACL(ZooDefs.Ids.OPEN_ACL_UNSAFE).forPath(path));
        List<ACL> read = new ArrayList<>(ZooDefs.Ids.READ_ACL_UNSAFE);
        read.addAll(ZooDefs.Ids.CREATOR_ALL_ACL);
        say("setACL", ann.setACL().withVersion(0).withACL(read).forPath(path).getAversion());
        refused("setACL of a wrong version", () -> ann.setACL().withVersion(0).withACL(read).forPath(path));
        say("to read", text(a.getData().forPath(path)), acls(a.getACL().forPath(path)));
        refused("creator of nobody", () -> a.create().withACL(ZooDefs.Ids.CREATOR_ALL_ACL).forPath(root + "/bob"));
        ann.setACL().withACL(ZooDefs.Ids.OPEN_ACL_UNSAFE).forPath(path);
        ann.close();
    }

    static void watchers() throws Exception {
        String path = a.create().forPath(root + "/watched");
        BlockingQueue<String> heard = new LinkedBlockingQueue<>();
        a.watchers().add().withMode(AddWatchMode.PERSISTENT).usingWatcher(into("persistent ", heard)).forPath(path);
        BlockingQueue<String> deep = new LinkedBlockingQueue<>();
        PersistentWatcher recursive = new PersistentWatcher(b, path, true);
        recursive.getListenable().addListener(into("recursive ", deep));
        CountDownLatch set = new CountDownLatch(1);
        recursive.getResetListenable().addListener(set::countDown);
        recursive.start();
        set.await(LIMIT_S, TimeUnit.SECONDS);
        b.create().forPath(path + "/x");
        b.create().forPath(path + "/x/y");
        b.setData().forPath(path, bytes("1"));
        b.setData().forPath(path + "/x/y", bytes("1"));
        b.delete().forPath(path + "/x/y");
        b.delete().forPath(path + "/x");
        b.delete().forPath(path);
        b.create().forPath(path);
        for (int i = 0; i < 5; i++) say("event", take(heard));
        for (int i = 0; i < 8; i++) say("event", take(deep));
        recursive.close();
        say("nothing else", heard.size(), deep.size());
    }

    /**
     * Takes a session over and ends it in one breath, so that its owner cannot take it back in between.
     *
     * @return the code of the answer
     */
    static int end(long session, byte[] password) throws Exception {
        int colon = hosts.lastIndexOf(':');
        try (Socket socket = new Socket(hosts.substring(0, colon), Integer.parseInt(hosts.substring(colon + 1)))) {
            socket.setSoTimeout(LIMIT_S * 1000);
            ByteBuffer bytes = ByteBuffer.allocate(4 + 44 + 4 + 8);
            bytes.putInt(44).putInt(0).putLong(0).putInt(SESSION_MS).putLong(session).putInt(16).put(password);
            bytes.putInt(8).putInt(1).putInt(ZooDefs.OpCode.closeSession);
            socket.getOutputStream().write(bytes.array());
            DataInputStream in = new DataInputStream(socket.getInputStream());
            in.skipNBytes(in.readInt());
            in.skipNBytes(4 + 4 + 8);
            return in.readInt();
        }
    }

    /** The session is ended behind Curator's back; it makes another. */
    static void expiry() throws Exception {
        CuratorFramework client = connected();
        BlockingQueue<ConnectionState> states = new LinkedBlockingQueue<>();
        client.getConnectionStateListenable().addListener((of, state) -> states.add(state));
        PersistentNode node = new PersistentNode(client, CreateMode.EPHEMERAL, false, root + "/registered", bytes("1"));
        BlockingQueue<String> made = new LinkedBlockingQueue<>();
        node.getListenable().addListener(path -> made.add(below(path)));
        node.start();
        say("registered", take(made));
        ZooKeeper first = client.getZookeeperClient().getZooKeeper();
        long session = first.getSessionId();
        say("ended", end(session, first.getSessionPasswd()));
        List<ConnectionState> heard = new ArrayList<>();
        while (!heard.contains(ConnectionState.RECONNECTED)) heard.add(take(states));
        say("session expired", heard.contains(ConnectionState.LOST), client.getZookeeperClient().getZooKeeper().getSessionId() == session);
        say("registered again", take(made));
        node.close();
        client.close();
    }
}
