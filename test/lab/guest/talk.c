/*
 * What a lab guest does: it holds one long-lived TCP connection to every guest it talks to, sends at a
 * set rate, and counts what it receives. Anyone on the network can read the counters, wherever
 * the guest runs, so "no connection broke" is proved by the guests and not by what moves them.
 *
 *   talk PARTNER:BITS_PER_SECOND …     PARTNER an IPv4 address, the rate in one direction
 *
 * TCP port 7000 receives and discards. TCP port 7001 reads one command line and answers with one line:
 *   counters                           {"uptimeMs":…,"peers":[{"address":…,…}]}
 *   rate PARTNER BITS_PER_SECOND       sets (or adds) what is sent to that partner; 0 keeps the connection, idle
 *   poweroff                           the guest shuts itself down
 *
 * A connection is lost when it ends after it was established, seen from either end. An idle or stuck
 * connection is not lost until the kernel gives it up (TCP_USER_TIMEOUT below): a guest that is paused
 * for longer than that counts as a broken service.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PEERS_MAX = 64, CONNECTIONS_MAX = 192, DATA_PORT = 7000, COUNTER_PORT = 7001 };
enum { TICK_MS = 50, RETRY_MS = 1000, USER_TIMEOUT_MS = 120000, CHUNK_BYTES = 65536 };

struct peer {
    struct in_addr address;
    double bits_per_second; /* towards this peer; < 0: it only talks to us */
    double credit_bytes;    /* what may be sent now */
    int socket;             /* our connection to it, or -1 */
    int established;
    long long retry_at_ms;
    unsigned long long sent_bytes, received_bytes, opened, lost;
};

/* A connection that somebody opened to us: data of a peer, or a reader of the counters. */
struct incoming {
    int socket;
    int peer; /* index, or -1 for a reader */
    long long since_ms;
    char line[128];
    size_t length;
};

static struct peer peers[PEERS_MAX];
static int peer_count;
static struct incoming incoming[CONNECTIONS_MAX];
static int incoming_count;
static char chunk[CHUNK_BYTES];

static long long now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static int find_peer(struct in_addr address) {
    for (int i = 0; i < peer_count; i++)
        if (peers[i].address.s_addr == address.s_addr) return i;
    if (peer_count == PEERS_MAX) return -1;
    struct peer *p = &peers[peer_count];
    memset(p, 0, sizeof *p);
    p->address = address;
    p->bits_per_second = -1;
    p->socket = -1;
    return peer_count++;
}

static int listen_on(int port) {
    int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(s, (struct sockaddr *)&a, sizeof a) < 0 || listen(s, 64) < 0) {
        perror("talk: listen");
        exit(1);
    }
    return s;
}

static void set_timeouts(int s) {
    int timeout = USER_TIMEOUT_MS, one = 1;
    setsockopt(s, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);
    setsockopt(s, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
}

static void drop_peer(struct peer *p, long long now) {
    close(p->socket);
    if (p->established) p->lost++;
    p->socket = -1;
    p->established = 0;
    p->retry_at_ms = now + RETRY_MS;
}

static void connect_peer(struct peer *p, long long now) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(DATA_PORT), .sin_addr = p->address};
    p->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (p->socket < 0) return;
    set_timeouts(p->socket);
    p->established = 0;
    p->credit_bytes = 0;
    if (connect(p->socket, (struct sockaddr *)&a, sizeof a) < 0 && errno != EINPROGRESS) drop_peer(p, now);
}

/* Sends what the rate allows; credit beyond a fifth of a second is forgotten, so a stall makes no burst. */
static void send_to(struct peer *p, long long now) {
    while (p->credit_bytes >= 1) {
        size_t want = p->credit_bytes < CHUNK_BYTES ? (size_t)p->credit_bytes : CHUNK_BYTES;
        ssize_t n = send(p->socket, chunk, want, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (n < 0) {
            drop_peer(p, now);
            return;
        }
        p->sent_bytes += n;
        p->credit_bytes -= n;
    }
}

static void accept_all(int listener, int readers, long long now) {
    for (;;) {
        struct sockaddr_in a;
        socklen_t length = sizeof a;
        int s = accept4(listener, (struct sockaddr *)&a, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (s < 0) return;
        int peer = readers ? -1 : find_peer(a.sin_addr);
        if (incoming_count == CONNECTIONS_MAX || (!readers && peer < 0)) {
            close(s);
            continue;
        }
        set_timeouts(s);
        if (!readers) {
            /* Woken by a full chunk or by the tick, not by every packet: an emulated CPU is slow. */
            int enough = CHUNK_BYTES;
            setsockopt(s, SOL_SOCKET, SO_RCVLOWAT, &enough, sizeof enough);
        }
        incoming[incoming_count++] = (struct incoming){.socket = s, .peer = peer, .since_ms = now};
        if (peer >= 0) peers[peer].opened++;
    }
}

static void drop_incoming(int i) {
    close(incoming[i].socket);
    if (incoming[i].peer >= 0) peers[incoming[i].peer].lost++;
    incoming[i] = incoming[--incoming_count];
}

static size_t print_counters(char *out, size_t size, long long now) {
    size_t n = snprintf(out, size, "{\"uptimeMs\":%lld,\"peers\":[", now);
    for (int i = 0; i < peer_count && n < size; i++) {
        struct peer *p = &peers[i];
        n += snprintf(out + n, size - n,
                      "%s{\"address\":\"%s\",\"bitsPerSecond\":%.0f,\"sentBytes\":%llu,\"receivedBytes\":%llu,"
                      "\"connectionsOpened\":%llu,\"connectionsLost\":%llu,\"connected\":%s}",
                      i ? "," : "", inet_ntoa(p->address), p->bits_per_second < 0 ? 0 : p->bits_per_second,
                      p->sent_bytes, p->received_bytes, p->opened, p->lost, p->established ? "true" : "false");
    }
    if (n < size) n += snprintf(out + n, size - n, "]}\n");
    return n < size ? n : size - 1;
}

static void answer(struct incoming *c, long long now) {
    static char out[32768];
    char address[32];
    double rate;
    struct in_addr in;
    size_t n = 0;
    if (strcmp(c->line, "counters") == 0) {
        n = print_counters(out, sizeof out, now);
    } else if (sscanf(c->line, "rate %31s %lf", address, &rate) == 2 && inet_aton(address, &in)) {
        int i = find_peer(in);
        if (i >= 0) peers[i].bits_per_second = rate;
        n = snprintf(out, sizeof out, i >= 0 ? "ok\n" : "too many peers\n");
    } else if (strcmp(c->line, "poweroff") == 0) {
        sync();
        reboot(RB_POWER_OFF);
    } else {
        n = snprintf(out, sizeof out, "unknown command\n");
    }
    if (send(c->socket, out, n, MSG_NOSIGNAL) < 0) perror("talk: answer");
}

/* Returns 0 when the connection is to be dropped. */
static int read_incoming(struct incoming *c, long long now) {
    for (int round = 0; round < 16; round++) {
        ssize_t n = recv(c->socket, chunk, sizeof chunk, 0);
        if (n < 0) return errno == EAGAIN || errno == EINTR;
        if (n == 0) return 0;
        if (c->peer >= 0) {
            peers[c->peer].received_bytes += n;
            continue;
        }
        for (ssize_t i = 0; i < n; i++) {
            if (chunk[i] == '\n') {
                c->line[c->length] = 0;
                answer(c, now);
                return 0;
            }
            if (c->length == sizeof c->line - 1) return 0;
            c->line[c->length++] = chunk[i];
        }
    }
    return 1;
}

/* Once a tick, and when something happened on its connection (elapsed_ms is 0 then). */
static void service_peer(struct peer *p, short events, double elapsed_ms, long long now) {
    if (p->bits_per_second < 0) return;
    if (p->socket < 0) {
        if (now >= p->retry_at_ms) connect_peer(p, now);
        return;
    }
    if (!p->established) {
        int error = 0;
        socklen_t length = sizeof error;
        if (!(events & (POLLOUT | POLLERR | POLLHUP))) return;
        getsockopt(p->socket, SOL_SOCKET, SO_ERROR, &error, &length);
        if (error) {
            drop_peer(p, now);
            return;
        }
        p->established = 1;
        p->opened++;
    }
    if (events & (POLLIN | POLLERR | POLLHUP)) {
        /* The other side never sends on this connection: whatever is readable is its end. */
        ssize_t n = recv(p->socket, chunk, sizeof chunk, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
            drop_peer(p, now);
            return;
        }
    }
    double bytes_per_second = p->bits_per_second / 8, most = bytes_per_second / 5;
    p->credit_bytes += bytes_per_second * elapsed_ms / 1000;
    if (p->credit_bytes > most) p->credit_bytes = most;
    send_to(p, now);
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    for (int i = 1; i < argc; i++) {
        char *colon = strchr(argv[i], ':');
        struct in_addr address;
        if (!colon) continue;
        *colon = 0;
        if (!inet_aton(argv[i], &address)) continue;
        int index = find_peer(address);
        if (index >= 0) peers[index].bits_per_second = atof(colon + 1);
    }
    int data = listen_on(DATA_PORT), counters = listen_on(COUNTER_PORT);
    long long last = now_ms();
    for (;;) {
        struct pollfd polled[2 + PEERS_MAX + CONNECTIONS_MAX];
        int n = 0, peers_polled = peer_count, incoming_polled = incoming_count;
        polled[n++] = (struct pollfd){.fd = data, .events = POLLIN};
        polled[n++] = (struct pollfd){.fd = counters, .events = POLLIN};
        for (int i = 0; i < peers_polled; i++)
            polled[n++] = (struct pollfd){
                .fd = peers[i].socket,
                .events = POLLIN | (peers[i].socket >= 0 && !peers[i].established ? POLLOUT : 0),
            };
        for (int i = 0; i < incoming_polled; i++)
            polled[n++] = (struct pollfd){.fd = incoming[i].socket, .events = POLLIN};
        long long now = now_ms();
        poll(polled, n, last + TICK_MS > now ? (int)(last + TICK_MS - now) : 0);

        now = now_ms();
        int tick = now - last >= TICK_MS;
        for (int i = 0; i < peers_polled; i++)
            if (tick || polled[2 + i].revents) service_peer(&peers[i], polled[2 + i].revents, tick ? (double)(now - last) : 0, now);
        if (tick) last = now;
        /* Backwards: dropping one moves the last into its place. */
        for (int i = incoming_polled - 1; i >= 0; i--) {
            int keep = tick || polled[2 + peers_polled + i].revents ? read_incoming(&incoming[i], now) : 1;
            if (incoming[i].peer < 0 && now - incoming[i].since_ms > 10000) keep = 0;
            if (!keep) drop_incoming(i);
        }
        if (polled[0].revents) accept_all(data, 0, now);
        if (polled[1].revents) accept_all(counters, 1, now);
    }
}
