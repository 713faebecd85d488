import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.retry.RetryOneTime;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.data.ACL;

/** What the Curator scripts share: two sessions, and ways to wait and to tell. */
abstract class CuratorSupport {
    static final int LIMIT_S = 30;
    static final int SESSION_MS = 30_000;

    static String hosts;
    static String root;
    static CuratorFramework a;
    static CuratorFramework b;
    static final ExecutorService threads =
            Executors.newCachedThreadPool(
                    job -> {
                        Thread thread = new Thread(job);
                        thread.setDaemon(true);
                        return thread;
                    });

    static void say(String name, Object... values) {
        StringBuilder line = new StringBuilder(name).append(':');
        for (Object value : values) line.append(' ').append(value);
        System.out.println(line);
    }

    static void refused(String name, Callable<?> call) {
        try {
            say(name, "no error:", call.call());
        } catch (Exception error) {
            say(name, error.getClass().getSimpleName());
        }
    }

    static CuratorFramework connected() throws Exception {
        return started(CuratorFrameworkFactory.newClient(hosts, SESSION_MS, SESSION_MS, new RetryOneTime(100)));
    }

    static CuratorFramework started(CuratorFramework client) throws Exception {
        client.start();
        if (!client.blockUntilConnected(LIMIT_S, TimeUnit.SECONDS)) throw new Exception("no connection");
        return client;
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static String text(byte[] bytes) {
        return bytes == null ? "null" : new String(bytes, StandardCharsets.UTF_8);
    }

    static String below(String path) {
        return path == null ? "null" : path.startsWith(root) ? path.substring(root.length()) : path;
    }

    static <T> T take(BlockingQueue<T> queue) throws Exception {
        T value = queue.poll(LIMIT_S, TimeUnit.SECONDS);
        if (value == null) throw new Exception("waited in vain");
        return value;
    }

    static <T> T wait(Future<T> future) throws Exception {
        return future.get(LIMIT_S, TimeUnit.SECONDS);
    }

    static String acls(List<ACL> acls) {
        return acls.stream()
                .map(acl -> acl.getId().getScheme() + ":" + acl.getId().getId() + ":" + acl.getPerms())
                .collect(Collectors.joining(" "));
    }

    static Watcher into(String prefix, BlockingQueue<String> heard) {
        return event -> heard.add(prefix + event.getType() + " " + below(event.getPath()));
    }

    static <T> Future<T> go(Callable<T> call) {
        return threads.submit(call);
    }

    /** Waits until a node has so many children. */
    static void childrenBecome(String path, int count) throws Exception {
        for (; ; ) {
            CountDownLatch changed = new CountDownLatch(1);
            int now =
                    a.checkExists().usingWatcher((Watcher) event -> changed.countDown()).forPath(path) == null
                            ? 0
                            : a.getChildren()
                                    .usingWatcher((Watcher) event -> changed.countDown())
                                    .forPath(path)
                                    .size();
            if (now == count) return;
            if (!changed.await(LIMIT_S, TimeUnit.SECONDS)) throw new Exception(count + " children of " + path);
        }
    }

    /** Waits until a client has handled all answers to what it sent before. */
    static void hasHeard(CuratorFramework client) throws Exception {
        CountDownLatch heard = new CountDownLatch(1);
        client.sync().inBackground((framework, event) -> heard.countDown()).forPath("/");
        if (!heard.await(LIMIT_S, TimeUnit.SECONDS)) throw new Exception("no answer to sync");
    }
}
