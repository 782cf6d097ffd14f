/*
 * delayline: a thin link between two network namespaces, in user space. It carries packets, not byte streams, so that TCP's slow start,
 * retransmission and acknowledgement are the kernel's own.
 *
 *   delayline NEAR FAR     makes two TUN devices; whoever started it moves each into its namespace. `up` is from NEAR to FAR.
 *
 * Commands on standard input, one a line, each answered by one line:
 *   set delay=MS rate=BITS queue=BYTES loss=FRACTION seed=N   any of them. delay: one way. rate: bits a second, 0 is no limit.
 *                                                             queue: what may wait for the line before packets are dropped.
 *   up | down     down: whatever is on the line or comes is gone
 *   reset         counters to zero
 *   report        the counters as JSON
 * It ends with its standard input, and after half an hour in any case.
 *
 * Turns, by TCP connection: how often near begins to send payload after far has sent some, its first word included; seen where packets enter
 * the link. In a dialogue that is the number of round trips waited for.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define MTU 1500
/* 300 ms of 300 Mbit/s: more is no thin link. */
#define SLOTS 8192
#define CONNECTIONS 4096
#define LIFE_SECONDS 1800

typedef struct { uint16_t near_port, far_port; uint32_t first; int near_spoke, turns; } Connection;
typedef struct { int64_t due; int length; unsigned char bytes[MTU]; } Packet;
typedef struct { int from, to; unsigned head, count; int64_t free_at, last_due; uint64_t random; uint64_t packets, payload, octets, lost, dropped; Packet *ring; } Direction;

static Direction way[2];
static Connection connections[CONNECTIONS];
static int known;
static double delay_ms, rate, loss;
static double queue_bytes = 65536;
static int is_up = 1;

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* splitmix64: the same losses for the same seed and the same packets. */
static double chance(Direction *d) {
  uint64_t z = (d->random += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

static uint16_t port(const unsigned char *p) { return (uint16_t)(p[0] << 8 | p[1]); }

static int find(uint16_t near_port, uint16_t far_port) {
  for (int i = known - 1; i >= 0; i--)
    if (connections[i].near_port == near_port && connections[i].far_port == far_port) return i;
  return -1;
}

/* Octets of TCP payload, and whose they are; -1 for whatever is not TCP over IPv4. */
static int payload_of(const unsigned char *p, int length, int up, int *connection) {
  *connection = -1;
  if (length < 40 || p[0] >> 4 != 4 || p[9] != 6) return -1;
  int ip = (p[0] & 15) * 4;
  const unsigned char *tcp = p + ip;
  if (length < ip + 20) return -1;
  uint16_t near_port = port(tcp + (up ? 0 : 2)), far_port = port(tcp + (up ? 2 : 0));
  *connection = find(near_port, far_port);
  int syn = (tcp[13] & 0x12) == 0x02;
  uint32_t first;
  memcpy(&first, tcp + 4, 4);
  if (up && syn && known < CONNECTIONS && (*connection < 0 || connections[*connection].first != first)) {
    connections[known] = (Connection){near_port, far_port, first, 0, 0};
    *connection = known++;
  }
  return port(p + 2) - ip - (tcp[12] >> 4) * 4;
}

static void enter(int up, const unsigned char *bytes, int length) {
  Direction *d = &way[up];
  int connection, payload = payload_of(bytes, length, up, &connection);
  if (payload < 0) return; /* neighbour discovery and the like: not what is measured */
  d->packets++;
  d->octets += length;
  d->payload += payload;
  if (payload > 0 && connection >= 0) {
    Connection *c = &connections[connection];
    if (up && !c->near_spoke) c->turns++;
    c->near_spoke = up;
  }
  int64_t now = now_ns(), start = d->free_at > now ? d->free_at : now;
  if (!is_up) { d->lost++; return; }
  /* A token bucket that holds one packet is a line: each packet takes its time, the next one waits in the queue. */
  if (rate > 0) {
    if ((double)(start - now) * rate / 8e9 + length > queue_bytes) { d->dropped++; return; }
    start += (int64_t)(length * 8e9 / rate);
  }
  if (d->count == SLOTS) { d->dropped++; return; }
  d->free_at = start;
  /* Lost in the air: it has used the line. */
  if (loss > 0 && chance(d) < loss) { d->lost++; return; }
  Packet *p = &d->ring[(d->head + d->count++) % SLOTS];
  p->due = start + (int64_t)(delay_ms * 1e6);
  if (p->due < d->last_due) p->due = d->last_due;
  d->last_due = p->due;
  p->length = length;
  memcpy(p->bytes, bytes, length);
}

static void leave(int up) {
  Direction *d = &way[up];
  for (int64_t now = now_ns(); d->count > 0 && d->ring[d->head].due <= now; d->count--, d->head = (d->head + 1) % SLOTS) {
    Packet *p = &d->ring[d->head];
    if (write(d->to, p->bytes, p->length) < 0) d->lost++;
  }
}

static void print_direction(const char *name, const Direction *d) {
  printf("\"%s\":{\"packets\":%llu,\"payload\":%llu,\"octets\":%llu,\"lost\":%llu,\"dropped\":%llu}", name, (unsigned long long)d->packets,
         (unsigned long long)d->payload, (unsigned long long)d->octets, (unsigned long long)d->lost, (unsigned long long)d->dropped);
}

static void report(void) {
  printf("{");
  print_direction("up", &way[1]);
  printf(",");
  print_direction("down", &way[0]);
  printf(",\"turns\":[");
  for (int i = 0; i < known; i++) printf("%s%d", i ? "," : "", connections[i].turns);
  printf("]}\n");
}

static void reset(void) {
  for (int i = 0; i < 2; i++) way[i].packets = way[i].payload = way[i].octets = way[i].lost = way[i].dropped = 0;
  known = 0;
}

static void set(char *words) {
  for (char *word = strtok(words, " "); word; word = strtok(NULL, " ")) {
    char *value = strchr(word, '=');
    if (!value) continue;
    *value++ = 0;
    if (!strcmp(word, "delay")) delay_ms = atof(value);
    else if (!strcmp(word, "rate")) rate = atof(value);
    else if (!strcmp(word, "queue")) queue_bytes = atof(value);
    else if (!strcmp(word, "loss")) loss = atof(value);
    else if (!strcmp(word, "seed")) for (int i = 0; i < 2; i++) way[i].random = strtoull(value, NULL, 10) * 2 + i;
  }
}

static void obey(char *line) {
  if (!strncmp(line, "set ", 4)) set(line + 4);
  else if (!strcmp(line, "up")) is_up = 1;
  else if (!strcmp(line, "down")) { is_up = 0; way[0].count = way[1].count = 0; way[0].free_at = way[1].free_at = 0; }
  else if (!strcmp(line, "reset")) reset();
  else if (!strcmp(line, "report")) { report(); fflush(stdout); return; }
  else { printf("unknown: %s\n", line); fflush(stdout); return; }
  printf("ok\n");
  fflush(stdout);
}

/* Whole lines of standard input; 0 at its end. */
static int commands(void) {
  static char text[4096];
  static size_t have;
  ssize_t got = read(0, text + have, sizeof text - 1 - have);
  if (got <= 0) return 0;
  have += got;
  for (char *end; (end = memchr(text, '\n', have));) {
    *end++ = 0;
    obey(text);
    have -= end - text;
    memmove(text, end, have);
  }
  return have < sizeof text - 1;
}

static int tun(const char *name) {
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  struct ifreq request = {0};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0) { perror(name); exit(1); }
  return fd;
}

int main(int argc, char **argv) {
  if (argc != 3) { fprintf(stderr, "usage: delayline NEAR FAR\n"); return 2; }
  alarm(LIFE_SECONDS);
  setpriority(PRIO_PROCESS, 0, -10); /* a link does not slow down because its ends are busy */
  int near = tun(argv[1]), far = tun(argv[2]);
  way[1] = (Direction){.from = near, .to = far, .random = 1, .ring = calloc(SLOTS, sizeof(Packet))};
  way[0] = (Direction){.from = far, .to = near, .random = 2, .ring = calloc(SLOTS, sizeof(Packet))};
  if (!way[0].ring || !way[1].ring) return 1;
  printf("ready\n");
  fflush(stdout);
  for (;;) {
    int64_t next = INT64_MAX;
    for (int i = 0; i < 2; i++)
      if (way[i].count > 0 && way[i].ring[way[i].head].due < next) next = way[i].ring[way[i].head].due;
    int64_t wait = next == INT64_MAX ? 1000000000LL : next - now_ns();
    if (wait < 0) wait = 0;
    struct timespec timeout = {wait / 1000000000LL, wait % 1000000000LL};
    struct pollfd ends[3] = {{near, POLLIN, 0}, {far, POLLIN, 0}, {0, POLLIN, 0}};
    if (ppoll(ends, 3, &timeout, NULL) < 0 && errno != EINTR) return 1;
    unsigned char bytes[MTU];
    ssize_t length;
    for (int i = 0; i < 2; i++)
      for (int n = 0; n < 64 && (length = read(way[i].from, bytes, sizeof bytes)) > 0; n++) enter(i, bytes, (int)length);
    leave(0);
    leave(1);
    if (ends[2].revents && !commands()) return 0;
  }
}
