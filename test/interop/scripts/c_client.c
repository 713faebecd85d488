/*
 * The C client, multi-threaded: c_client host:port /root. Prints one line `name: value` per finding.
 * Build: cc -DTHREADED c_client.c -lzookeeper_mt
 */
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

#define LIMIT_S 30
/* Of those that must not end while the machine is busy, and of the one that is to end. */
#define SESSION_MS 30000
#define SHORT_SESSION_MS 6000
#define PATH_MAX_LEN 512

static const char *hosts, *root;

static void say(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

static void die(const char *why) {
    fprintf(stderr, "%s\n", why);
    exit(1);
}

/* What came to a watcher or a completion; whoever wants it waits for it. */
#define MOST 64
typedef struct {
    int type, state;
    char path[PATH_MAX_LEN];
} event_t;

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    event_t events[MOST];
    int count, taken;
} mailbox_t;

static void mailbox(mailbox_t *box) {
    memset(box, 0, sizeof *box);
    pthread_mutex_init(&box->lock, NULL);
    pthread_cond_init(&box->changed, NULL);
}

static void post(mailbox_t *box, int type, int state, const char *path) {
    pthread_mutex_lock(&box->lock);
    if (box->count == MOST) die("too many events");
    event_t *event = &box->events[box->count++];
    event->type = type;
    event->state = state;
    snprintf(event->path, sizeof event->path, "%s", path ? path : "");
    pthread_cond_broadcast(&box->changed);
    pthread_mutex_unlock(&box->lock);
}

static event_t take(mailbox_t *box, const char *what) {
    struct timespec limit;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += LIMIT_S;
    pthread_mutex_lock(&box->lock);
    while (box->taken == box->count)
        if (pthread_cond_timedwait(&box->changed, &box->lock, &limit) != 0) die(what);
    event_t event = box->events[box->taken++];
    pthread_mutex_unlock(&box->lock);
    return event;
}

static void on_event(zhandle_t *zh, int type, int state, const char *path, void *context) {
    (void)zh;
    post(context, type, state, path);
}

static void on_void(int rc, const void *data) { post((mailbox_t *)data, rc, 0, ""); }

static const char *type_name(int type) {
    if (type == ZOO_CREATED_EVENT) return "created";
    if (type == ZOO_DELETED_EVENT) return "deleted";
    if (type == ZOO_CHANGED_EVENT) return "changed";
    if (type == ZOO_CHILD_EVENT) return "child";
    if (type == ZOO_SESSION_EVENT) return "session";
    return "?";
}

static const char *state_name(int state) {
    if (state == ZOO_CONNECTED_STATE) return "connected";
    if (state == ZOO_CONNECTING_STATE) return "connecting";
    if (state == ZOO_EXPIRED_SESSION_STATE) return "expired";
    if (state == ZOO_AUTH_FAILED_STATE) return "auth failed";
    return "?";
}

static const char *code_name(int rc) {
    switch (rc) {
    case ZOK: return "ok";
    case ZNONODE: return "no node";
    case ZNODEEXISTS: return "node exists";
    case ZBADVERSION: return "bad version";
    case ZNOTEMPTY: return "not empty";
    case ZNOCHILDRENFOREPHEMERALS: return "no children for ephemerals";
    case ZNOAUTH: return "no auth";
    case ZINVALIDACL: return "invalid acl";
    case ZAUTHFAILED: return "auth failed";
    case ZBADARGUMENTS: return "bad arguments";
    case ZRUNTIMEINCONSISTENCY: return "runtime inconsistency";
    case ZNOWATCHER: return "no watcher";
    case ZRECONFIGDISABLED: return "reconfig disabled";
    case ZUNIMPLEMENTED: return "unimplemented";
    case ZINVALIDSTATE: return "invalid state";
    default: return zerror(rc);
    }
}

static void code(const char *name, int rc) { say("%s: %s", name, code_name(rc)); }

static void must(const char *what, int rc) {
    if (rc == ZOK) return;
    fprintf(stderr, "%s: %s\n", what, zerror(rc));
    exit(1);
}

/* A path below the root, in one of a few buffers in turn. */
static const char *at(const char *below) {
    static char buffers[8][PATH_MAX_LEN];
    static int next;
    char *buffer = buffers[next++ % 8];
    snprintf(buffer, PATH_MAX_LEN, "%s%s", root, below);
    return buffer;
}

static const char *below(const char *path) {
    return strncmp(path, root, strlen(root)) == 0 ? path + strlen(root) : path;
}

static zhandle_t *open_session(mailbox_t *box, int timeout, const clientid_t *id) {
    mailbox(box);
    zhandle_t *zh = zookeeper_init(hosts, on_event, timeout, id, box, 0);
    if (zh == NULL) die("zookeeper_init");
    event_t event = take(box, "a session");
    if (event.type != ZOO_SESSION_EVENT || event.state != ZOO_CONNECTED_STATE) die("another event than connected");
    return zh;
}

static int compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void say_names(const char *name, struct String_vector *names, const struct Stat *stat) {
    char line[2048] = "";
    qsort(names->data, names->count, sizeof *names->data, compare);
    for (int i = 0; i < names->count; i++) {
        if (i > 0) strcat(line, ",");
        strcat(line, names->data[i]);
    }
    if (stat) say("%s: %s %d %d", name, line, stat->numChildren, stat->cversion);
    else say("%s: %s", name, line);
    deallocate_String_vector(names);
}

static const char *data_of(zhandle_t *zh, const char *path) {
    static char buffer[4096];
    int length = sizeof buffer - 1;
    int rc = zoo_get(zh, path, 0, buffer, &length, NULL);
    if (rc != ZOK) return code_name(rc);
    buffer[length < 0 ? 0 : length] = 0;
    return length < 0 ? "(null)" : buffer;
}

static int create(zhandle_t *zh, const char *path, const char *value, int mode) {
    char made[PATH_MAX_LEN];
    return zoo_create(zh, path, value, value ? (int)strlen(value) : -1, &ZOO_OPEN_ACL_UNSAFE, mode, made, sizeof made);
}

static void nodes(zhandle_t *zh) {
    char made[PATH_MAX_LEN], buffer[64];
    int length = sizeof buffer;
    struct Stat stat;
    must("create", zoo_create(zh, at("/a"), "hello", 5, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, made, sizeof made));
    say("create: %s", below(made));
    must("ephemeral", zoo_create(zh, at("/e"), "owned", 5, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, made, sizeof made));
    must("exists", zoo_exists(zh, at("/e"), 0, &stat));
    say("create ephemeral: %s %d", below(made), stat.ephemeralOwner == zoo_client_id(zh)->client_id);
    must("create2",
        zoo_create2(zh, at("/s"), "12", 2, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, made, sizeof made, &stat));
    say("create2: %s %d %d", below(made), stat.dataLength, stat.czxid == stat.pzxid);
    must("null", create(zh, at("/null"), NULL, ZOO_PERSISTENT));
    say("create with null: %s", data_of(zh, at("/null")));
    must("get", zoo_get(zh, at("/a"), 0, buffer, &length, &stat));
    say("get: %.*s %d %d %d", length, buffer, stat.version, stat.dataLength, stat.czxid == stat.mzxid);
    must("set2", zoo_set2(zh, at("/a"), "world", 5, 0, &stat));
    say("set2: %d %s", stat.version, data_of(zh, at("/a")));
    must("set", zoo_set(zh, at("/a"), "again", 5, -1));
    say("set: %s", data_of(zh, at("/a")));
    struct String_vector names;
    must("children", zoo_get_children(zh, root, 0, &names));
    say_names("get_children", &names, NULL);
    must("children2", zoo_get_children2(zh, root, 0, &names, &stat));
    say_names("get_children2", &names, &stat);
    code("create again", create(zh, at("/a"), "", 0));
    code("create below nothing", create(zh, at("/none/x"), "", 0));
    code("create below ephemeral", create(zh, at("/e/x"), "", 0));
    code("create of a bad path", create(zh, at("/a/"), "", 0));
    code("set of a wrong version", zoo_set(zh, at("/a"), "", 0, 9));
    code("exists of nothing", zoo_exists(zh, at("/none"), 0, &stat));
    length = sizeof buffer;
    code("get of nothing", zoo_get(zh, at("/none"), 0, buffer, &length, &stat));
    code("delete of a wrong version", zoo_delete(zh, at("/a"), 0));
    code("delete with children", zoo_delete(zh, root, -1));
    code("delete", zoo_delete(zh, at("/a"), 2));
    code("delete again", zoo_delete(zh, at("/a"), 2));
}

static void modes(zhandle_t *zh) {
    char made[PATH_MAX_LEN];
    struct Stat stat;
    must("seq", create(zh, at("/seq"), "", 0));
    for (int i = 0; i < 2; i++) {
        must("sequence", zoo_create(zh, at("/seq/n-"), "", 0, &ZOO_OPEN_ACL_UNSAFE,
            i ? ZOO_EPHEMERAL_SEQUENTIAL : ZOO_PERSISTENT_SEQUENTIAL, made, sizeof made));
        say("sequence: %s", below(made));
    }
    must("container", zoo_create2(zh, at("/container"), "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_CONTAINER, made, sizeof made, &stat));
    say("container: %s %llx", below(made), (unsigned long long)stat.ephemeralOwner);
    must("ttl", zoo_create2_ttl(zh, at("/ttl"), "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_WITH_TTL, 86400000, made,
        sizeof made, &stat));
    say("ttl: %s %llx", below(made), (unsigned long long)stat.ephemeralOwner);
    must("ttl", zoo_create_ttl(zh, at("/seq/t-"), "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL, 1000,
        made, sizeof made));
    say("ttl in sequence: %s", below(made));
    code("ttl of nothing", zoo_create_ttl(zh, at("/ttl0"), "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_WITH_TTL, 0, made,
        sizeof made));
}

static void say_event(const char *name, mailbox_t *box) {
    event_t event = take(box, name);
    say("%s: %s %s %s", name, type_name(event.type), state_name(event.state), below(event.path));
}

static void watches(zhandle_t *zh, zhandle_t *other, mailbox_t *session) {
    mailbox_t data, kids, both;
    mailbox(&data);
    mailbox(&kids);
    mailbox(&both);
    struct Stat stat;
    struct String_vector names;
    char buffer[64];
    int length = sizeof buffer;
    code("wexists of nothing", zoo_wexists(zh, at("/w"), on_event, &data, &stat));
    must("create", create(other, at("/w"), "", 0));
    say_event("wexists", &data);
    must("wget", zoo_wget(zh, at("/w"), on_event, &data, buffer, &length, &stat));
    must("set", zoo_set(other, at("/w"), "1", 1, 0));
    say_event("wget", &data);
    must("wget_children", zoo_wget_children(zh, at("/w"), on_event, &kids, &names));
    deallocate_String_vector(&names);
    must("create", create(other, at("/w/x"), "", 0));
    say_event("wget_children", &kids);
    must("wget_children2", zoo_wget_children2(zh, at("/w"), on_event, &kids, &names, &stat));
    deallocate_String_vector(&names);
    must("delete", zoo_delete(other, at("/w/x"), -1));
    say_event("wget_children2", &kids);
    must("exists", zoo_exists(zh, at("/w"), 1, &stat));
    must("set", zoo_set(other, at("/w"), "2", 1, 1));
    say_event("exists to the session's watcher", session);
    must("wexists", zoo_wexists(zh, at("/w"), on_event, &both, &stat));
    must("wget_children", zoo_wget_children(zh, at("/w"), on_event, &both, &names));
    deallocate_String_vector(&names);
    must("delete", zoo_delete(other, at("/w"), -1));
    /* the same watcher in both tables is called once */
    say_event("deleted", &both);

    must("create", create(zh, at("/r"), "", 0));
    must("wexists", zoo_wexists(zh, at("/r"), on_event, &data, &stat));
    must("wget_children", zoo_wget_children(zh, at("/r"), on_event, &kids, &names));
    deallocate_String_vector(&names);
    code("remove_watches of the data", zoo_remove_watches(zh, at("/r"), ZWATCHTYPE_DATA, on_event, &data, 0));
    code("remove_watches again", zoo_remove_watches(zh, at("/r"), ZWATCHTYPE_DATA, on_event, &data, 0));
    code("remove_all_watches", zoo_remove_all_watches(zh, at("/r"), ZWATCHTYPE_ANY, 0));
    code("remove_all_watches again", zoo_remove_all_watches(zh, at("/r"), ZWATCHTYPE_ANY, 0));
    must("set", zoo_set(other, at("/r"), "1", 1, -1));
    must("create", create(other, at("/r/x"), "", 0));
    must("delete", zoo_delete(other, at("/r/x"), -1));
    code("and nothing is heard", zoo_exists(zh, at("/r"), 0, &stat));
    say("events left: %d %d", data.count - data.taken, kids.count - kids.taken);
}

static int add_auth(zhandle_t *zh, const char *scheme, const char *id) {
    mailbox_t done;
    mailbox(&done);
    int rc = zoo_add_auth(zh, scheme, id, (int)strlen(id), on_void, &done);
    return rc == ZOK ? take(&done, "add_auth").type : rc;
}

static void say_acl(const char *name, zhandle_t *zh, const char *path) {
    struct ACL_vector acl;
    struct Stat stat;
    int rc = zoo_get_acl(zh, path, &acl, &stat);
    if (rc != ZOK) {
        code(name, rc);
        return;
    }
    char line[1024] = "";
    for (int i = 0; i < acl.count; i++) {
        size_t end = strlen(line);
        snprintf(line + end, sizeof line - end, "%s:%s:%d ", acl.data[i].id.scheme, acl.data[i].id.id, acl.data[i].perms);
    }
    say("%s: %s%d", name, line, stat.aversion);
    deallocate_ACL_vector(&acl);
}

static void security(zhandle_t *zh, zhandle_t *other) {
    char made[PATH_MAX_LEN], buffer[16];
    int length = sizeof buffer;
    struct Stat stat;
    must("acl", create(zh, at("/acl"), "hidden", 0));
    say_acl("get_acl", zh, at("/acl"));
    code("set_acl of the creator without one", zoo_set_acl(zh, at("/acl"), 0, &ZOO_CREATOR_ALL_ACL));
    code("add_auth", add_auth(zh, "digest", "ann:secret"));
    code("set_acl of a wrong version", zoo_set_acl(zh, at("/acl"), 5, &ZOO_CREATOR_ALL_ACL));
    code("set_acl", zoo_set_acl(zh, at("/acl"), 0, &ZOO_CREATOR_ALL_ACL));
    say_acl("get_acl of the creator", zh, at("/acl"));
    say_acl("get_acl of another", other, at("/acl"));
    say("get of another: %s", data_of(other, at("/acl")));
    code("exists of another", zoo_exists(other, at("/acl"), 0, &stat));
    code("set of another", zoo_set(other, at("/acl"), "", 0, -1));
    code("create of another", create(other, at("/acl/x"), "", 0));
    code("delete of another", zoo_delete(other, at("/acl"), -1));
    struct ACL unknown[] = {{31, {"nobody", "x"}}};
    struct ACL_vector bad = {1, unknown}, none = {0, NULL};
    code("create with a bad scheme",
        zoo_create(zh, at("/bad"), "", 0, &bad, ZOO_PERSISTENT, made, sizeof made));
    code("create with no acl", zoo_create(zh, at("/bad"), "", 0, &none, ZOO_PERSISTENT, made, sizeof made));
    must("reader", zoo_create(zh, at("/read"), "text", 4, &ZOO_READ_ACL_UNSAFE, ZOO_PERSISTENT, made, sizeof made));
    code("get of what is to read", zoo_get(other, at("/read"), 0, buffer, &length, NULL));
    code("set of what is to read", zoo_set(zh, at("/read"), "", 0, -1));
    mailbox_t box;
    zhandle_t *super = open_session(&box, SESSION_MS, NULL);
    code("add_auth of the super user", add_auth(super, "digest", "super:test"));
    code("set by the super user", zoo_set(super, at("/read"), "", 0, -1));
    zookeeper_close(super);
    zhandle_t *failed = open_session(&box, SESSION_MS, NULL);
    code("add_auth of a bad scheme", add_auth(failed, "nobody", "x"));
    say_event("its session", &box);
    code("and then", zoo_exists(failed, root, 0, &stat));
    zookeeper_close(failed);
}

static void transactions(zhandle_t *zh) {
    char first[PATH_MAX_LEN], second[PATH_MAX_LEN], codes[256] = "";
    struct Stat stat;
    zoo_op_t ops[5];
    zoo_op_result_t results[5];
    must("tx", create(zh, at("/tx"), "0", 0));
    zoo_create_op_init(&ops[0], at("/tx/a"), "1", 1, &ZOO_OPEN_ACL_UNSAFE, 0, first, sizeof first);
    zoo_create_op_init(&ops[1], at("/tx/n-"), "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_SEQUENCE, second, sizeof second);
    zoo_set_op_init(&ops[2], at("/tx"), "1", 1, 0, &stat);
    zoo_check_op_init(&ops[3], at("/tx"), 1);
    zoo_delete_op_init(&ops[4], at("/tx/a"), 0);
    code("multi", zoo_multi(zh, 5, ops, results));
    say("its results: %s %s %d", below(first), below(second), stat.version);
    say("after it: %s", data_of(zh, at("/tx")));
    zoo_create_op_init(&ops[0], at("/tx/b"), "1", 1, &ZOO_OPEN_ACL_UNSAFE, 0, first, sizeof first);
    zoo_check_op_init(&ops[1], at("/tx"), 7);
    zoo_delete_op_init(&ops[2], at("/tx/none"), -1);
    code("multi refused", zoo_multi(zh, 3, ops, results));
    for (int i = 0; i < 3; i++) {
        strcat(codes, i ? ", " : "");
        strcat(codes, code_name(results[i].err));
    }
    say("its codes: %s", codes);
    code("nothing is left", zoo_exists(zh, at("/tx/b"), 0, &stat));
}

static void configuration(zhandle_t *zh) {
    char buffer[1024];
    int length = sizeof buffer;
    struct Stat stat;
    code("getconfig", zoo_getconfig(zh, 0, buffer, &length, &stat));
    say("config: %d %d", length, stat.version);
    length = sizeof buffer;
    code("reconfig", zoo_reconfig(zh, NULL, "9", NULL, -1, buffer, &length, &stat));
    add_auth(zh, "digest", "super:test");
    length = sizeof buffer;
    code("reconfig by the super user", zoo_reconfig(zh, NULL, "9", NULL, -1, buffer, &length, &stat));
}

/* A process whose session the server ends while it is stopped. */
static void child(int out, const char *path) {
    mailbox_t box;
    FILE *lines = fdopen(out, "w");
    zhandle_t *zh = open_session(&box, SHORT_SESSION_MS, NULL);
    must("child", create(zh, path, "", ZOO_EPHEMERAL));
    fprintf(lines, "created\n");
    fflush(lines);
    for (;;) {
        event_t event = take(&box, "the end of the session");
        fprintf(lines, "%s\n", state_name(event.state));
        if (event.state == ZOO_EXPIRED_SESSION_STATE) break;
    }
    fprintf(lines, "%s %s\n", is_unrecoverable(zh) ? "unrecoverable" : "alive", code_name(zoo_exists(zh, path, 0, NULL)));
    fflush(lines);
    zookeeper_close(zh);
    exit(0);
}

static void read_line(FILE *lines, char *line, int size) {
    if (fgets(line, size, lines) == NULL) die("a child ended");
    line[strcspn(line, "\n")] = 0;
}

static void expiry(zhandle_t *zh, FILE *lines, pid_t pid, const char *path) {
    char line[128];
    mailbox_t gone;
    struct Stat stat;
    mailbox(&gone);
    must("wexists", zoo_wexists(zh, path, on_event, &gone, &stat));
    kill(pid, SIGSTOP);
    say_event("ephemeral of a stopped process", &gone);
    kill(pid, SIGCONT);
    for (int i = 0; i < 3; i++) {
        read_line(lines, line, sizeof line);
        say("it hears: %s", line);
    }
    waitpid(pid, NULL, 0);
}

static void sessions(zhandle_t *zh) {
    mailbox_t first_box, second_box;
    zhandle_t *first = open_session(&first_box, SESSION_MS, NULL);
    must("owned", create(first, at("/taken"), "", ZOO_EPHEMERAL));
    clientid_t id = *zoo_client_id(first);
    say("timeout: %d", zoo_recv_timeout(first));
    /* the same session from elsewhere: the first connection is cut */
    zhandle_t *second = open_session(&second_box, SESSION_MS, &id);
    struct Stat stat;
    must("exists", zoo_exists(zh, at("/taken"), 0, &stat));
    say("taken over: %d %d", zoo_client_id(second)->client_id == id.client_id, stat.ephemeralOwner == id.client_id);
    event_t cut = take(&first_box, "a cut");
    say("the first hears: %s", state_name(cut.state));
    zookeeper_close(second);
    zookeeper_close(first);
    /* a session that is not there */
    mailbox_t box;
    mailbox(&box);
    clientid_t wrong = {0x123456789abcdefLL, "0123456789abcde"};
    zhandle_t *lost = zookeeper_init(hosts, on_event, SESSION_MS, &wrong, &box, 0);
    say("a session that is not there: %s", state_name(take(&box, "expired").state));
    zookeeper_close(lost);
}

int main(int count, char **args) {
    if (count != 3) die("usage: c_client host:port /root");
    hosts = args[1];
    root = args[2];
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    /* before there is a thread */
    int ends[2];
    const char *owned = at("/of-child");
    char path[PATH_MAX_LEN];
    strcpy(path, owned);
    if (pipe(ends) != 0) die("pipe");
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        child(ends[1], path);
    }
    close(ends[1]);
    mailbox_t box, other_box;
    zhandle_t *zh = open_session(&box, SESSION_MS, NULL), *other = open_session(&other_box, SESSION_MS, NULL);
    FILE *lines = fdopen(ends[0], "r");
    char line[128];
    read_line(lines, line, sizeof line);
    say("a child: %s", line);
    nodes(zh);
    modes(zh);
    watches(zh, other, &box);
    transactions(zh);
    expiry(zh, lines, pid, path);
    sessions(zh);
    security(zh, other);
    configuration(other);
    code("close", zookeeper_close(other));
    code("close", zookeeper_close(zh));
    say("done");
    return 0;
}
