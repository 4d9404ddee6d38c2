// callload: a SIP + RTP load generator for a back-to-back user agent, in one process.
// It plays the caller (UAC), optionally the callee (UAS), and both media streams, so that
// every RTP packet that crosses the server can be matched with the moment it was sent.
// Single file, no dependencies:  cc -O2 -Wall -o callload callload.c -lm
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

typedef uint64_t u64;
typedef int64_t i64;
typedef uint32_t u32;
typedef uint16_t u16;
typedef uint8_t u8;
typedef struct sockaddr_in sin_t;

#define MS 1000000ULL
#define SEC 1000000000ULL
#define SLOTS 20     // one bucket per millisecond of a 20 ms frame
#define RING 512     // remembered send times per leg (10 s)
#define MAXWIN 30000 // packets per leg in the measuring window (10 min)

static u64 now(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return t.tv_sec * SEC + t.tv_nsec;
}

// ---------- options ----------
static sin_t o_server, o_uac, o_uas;
static int o_have_uas = 0, o_calls = 1, o_media = 0, o_group = 0, o_ringms = 0, o_tone = 0, o_verbose = 0,
           o_rtpbase = 20000, o_pids[16], o_npid = 0;
static double o_rate = 10, o_hold = 5, o_window = 0, o_settle = 3, o_limit = 600;
static const char *o_to = "bench", *o_from = "load", *o_label = "", *o_json = 0, *o_legs = 0;

// ---------- statistics ----------
static struct {
  long started, ok, failed, dropped, uas_in, uas_ack, retx, bad, reinv, crosstalk;
} S;
static int failcode[700];
typedef struct {
  u32 *b;
  int n;
  u64 unit, max, cnt;
  double sum;
} hist;
static void h_init(hist *h, int n, u64 unit) {
  h->b = calloc(n, sizeof(u32));
  h->n = n;
  h->unit = unit;
  h->max = h->cnt = 0;
  h->sum = 0;
}
static void h_add(hist *h, u64 v) {
  u64 k = v / h->unit;
  if (k >= (u64)h->n) k = h->n - 1;
  h->b[k]++;
  h->cnt++;
  h->sum += v;
  if (v > h->max) h->max = v;
}
static double h_q(hist *h, double q) {
  u64 want = (u64)ceil(q * h->cnt), s = 0;
  if (!h->cnt) return 0;
  for (int i = 0; i < h->n; i++) {
    s += h->b[i];
    if (s >= want) return (i + 0.5) * h->unit / 1e6;
  }
  return h->max / 1e6;
}
static hist H_setup, H_lat, H_late;

// ---------- legs (one RTP stream each way) ----------
typedef struct leg {
  int fd, rfd, idx, slot, running, is_uas;
  u16 port;
  sin_t rem;
  u32 ssrc, ts0, seq; // seq: count of packets sent so far
  u64 *sent_at;       // when the last RING packets were sent
  u32 w_first, w_last;
  int w_open; // range of sequence numbers sent within the window
  u32 w_base_seen;
  u8 *seen; // bitmap over the peer's sequence numbers
  int peer; // leg heard, -1 unknown
  long rx, rx_win, uniq;
  double jit, jit_rtp;
  i64 last_tr, last_tr_rtp;
  int have_tr, have_tr_rtp;
  u64 last_rx, maxgap;
  u32 lastts;
  u16 lastseq;
  int haveseq;
  long seqgap;
  long marked;
} leg;
static leg **L;
static int nL = 0, capL = 0;
static leg **slotv[SLOTS];
static int slotn[SLOTS], slotcap[SLOTS];
static int ep, uacfd = -1, uasfd = -1, tfd;
static u64 win_start = 0, win_end = 0;
static u8 tonebuf[8000];

static u8 ulaw(int s) {
  const int BIAS = 0x84;
  int sign = 0, e = 7, m;
  if (s < 0) {
    sign = 0x80;
    s = -s;
  }
  if (s > 32635) s = 32635;
  s += BIAS;
  for (int mask = 0x4000; !(s & mask) && e > 0; e--) mask >>= 1;
  m = (s >> (e + 3)) & 0xf;
  return ~(sign | (e << 4) | m);
}

static int udp(sin_t *a, int bytes) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
  if (fd < 0) {
    perror("socket");
    exit(2);
  }
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  if (bind(fd, (void *)a, sizeof *a)) {
    close(fd);
    return -1;
  }
  return fd;
}
static void ep_add(int fd, u64 tag) {
  struct epoll_event e = {.events = EPOLLIN, .data.u64 = tag};
  epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
}

static int nextport;
static int leg_new(int is_uas) {
  leg *g = calloc(1, sizeof *g);
  g->idx = nL;
  g->is_uas = is_uas;
  g->peer = -1;
  g->fd = g->rfd = -1;
  g->ssrc = (u32)random() ^ ((u32)getpid() << 16);
  g->ts0 = (u32)random();
  if (nL == capL) {
    capL = capL ? capL * 2 : 256;
    L = realloc(L, capL * sizeof *L);
  }
  L[nL] = g;
  if (o_media) {
    sin_t a = is_uas ? o_uas : o_uac;
    for (int t = 0; t < 2000 && g->fd < 0; t++) {
      g->port = nextport;
      nextport += 2;
      if (nextport > 64000) nextport = o_rtpbase;
      a.sin_port = htons(g->port);
      g->fd = udp(&a, 262144);
    }
    if (g->fd < 0) {
      fprintf(stderr, "no RTP port\n");
      exit(2);
    }
    a.sin_port = htons(g->port + 1);
    g->rfd = udp(&a, 4096);
    ep_add(g->fd, 16 + g->idx);
    g->sent_at = calloc(RING, sizeof(u64));
    g->slot = (int)(fmod(g->idx * 0.6180339887, 1.0) * SLOTS);
  } else
    g->port = 40000 + (nL * 2) % 20000;
  return nL++;
}
static void leg_start(leg *g, sin_t rem) {
  g->rem = rem;
  if (!o_media || g->running) return;
  int s = g->slot;
  g->running = 1;
  if (slotn[s] == slotcap[s]) {
    slotcap[s] = slotcap[s] ? slotcap[s] * 2 : 64;
    slotv[s] = realloc(slotv[s], slotcap[s] * sizeof(leg *));
  }
  slotv[s][slotn[s]++] = g;
}
static void leg_stop(leg *g) {
  if (g->running) {
    int s = g->slot;
    for (int i = 0; i < slotn[s]; i++)
      if (slotv[s][i] == g) {
        slotv[s][i] = slotv[s][--slotn[s]];
        break;
      }
    g->running = 0;
  }
  if (g->fd >= 0) {
    close(g->fd);
    g->fd = -1;
  }
  if (g->rfd >= 0) {
    close(g->rfd);
    g->rfd = -1;
  }
}
static void rtp_send(leg *g, u64 due) {
  u8 p[172];
  u16 q = (u16)g->seq;
  u32 ts = g->ts0 + g->seq * 160;
  p[0] = 0x80;
  p[1] = g->seq == 0 ? 0x80 : 0;
  p[2] = q >> 8;
  p[3] = q;
  p[4] = ts >> 24;
  p[5] = ts >> 16;
  p[6] = ts >> 8;
  p[7] = ts;
  p[8] = g->ssrc >> 24;
  p[9] = g->ssrc >> 16;
  p[10] = g->ssrc >> 8;
  p[11] = g->ssrc;
  memcpy(p + 12, tonebuf + (g->seq % 50) * 160, 160);
  if (!o_tone) { // marker: survives a bit-exact copy and a u-law -> PCM -> u-law round trip
    static const char hx[] = "0123456789ABCDEF";
    char *m = (char *)p + 12;
    memcpy(m, "CLmk", 4);
    for (int i = 0; i < 8; i++) {
      m[4 + i] = hx[(g->idx >> (28 - 4 * i)) & 15];
      m[12 + i] = hx[(g->seq >> (28 - 4 * i)) & 15];
    }
  }
  u64 t = now();
  g->sent_at[g->seq % RING] = t;
  if (due && t > due) h_add(&H_late, t - due);
  if (win_start && t >= win_start && t < win_end) {
    if (!g->w_open) {
      g->w_first = g->seq;
      g->w_open = 1;
    }
    g->w_last = g->seq;
  }
  sendto(g->fd, p, 172, MSG_DONTWAIT, (void *)&g->rem, sizeof g->rem);
  g->seq++;
}
static int unhex(const u8 *p, u32 *v) {
  u32 x = 0;
  for (int i = 0; i < 8; i++) {
    u8 c = p[i];
    int d = c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (d < 0) return 0;
    x = x << 4 | d;
  }
  *v = x;
  return 1;
}
static ssize_t rx(int fd, void *b, size_t n, sin_t *from, u64 *t) {
  char c[128];
  struct iovec v = {b, n};
  struct msghdr m = {.msg_name = from,
                     .msg_namelen = sizeof *from,
                     .msg_iov = &v,
                     .msg_iovlen = 1,
                     .msg_control = c,
                     .msg_controllen = sizeof c};
  ssize_t r = recvmsg(fd, &m, MSG_DONTWAIT);
  if (r < 0) return r;
  *t = 0;
  for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h))
    if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_TIMESTAMPNS) {
      struct timespec s;
      memcpy(&s, CMSG_DATA(h), sizeof s);
      *t = s.tv_sec * SEC + s.tv_nsec;
    }
  if (!*t) *t = now();
  return r;
}
static void rtp_recv(leg *g) {
  u8 p[2048];
  sin_t f;
  u64 t;
  ssize_t n = rx(g->fd, p, sizeof p, &f, &t);
  if (n < 12) return;
  if ((p[0] >> 6) != 2 || (p[1] & 0x7f) != 0) return; // PCMU only
  int inwin = win_start && t >= win_start && t < win_end;
  u32 ts = p[4] << 24 | p[5] << 16 | p[6] << 8 | p[7];
  u16 q = p[2] << 8 | p[3];
  g->rx++;
  if (inwin) {
    g->rx_win++;
    if (g->last_rx && t - g->last_rx > g->maxgap) g->maxgap = t - g->last_rx;
  }
  g->last_rx = t;
  if (inwin && g->haveseq) {
    i64 d = (i64)(int16_t)(q - g->lastseq);
    if (d > 1) g->seqgap += d - 1;
  }
  g->haveseq = 1;
  g->lastseq = q;
  i64 tr = (i64)t - (i64)(ts * 125000ULL); // transit on the RTP clock
  if (inwin) {
    if (g->have_tr_rtp) {
      i64 d = tr - g->last_tr_rtp;
      if (d < 0) d = -d;
      if (d < (i64)SEC) g->jit_rtp += (d - g->jit_rtp) / 16;
    }
    g->last_tr_rtp = tr;
    g->have_tr_rtp = 1;
  }
  u32 id, sq;
  if (n >= 12 + 20 && !memcmp(p + 12, "CLmk", 4) && unhex(p + 16, &id) && unhex(p + 24, &sq) && id < (u32)nL) {
    leg *s = L[id];
    g->marked++;
    if (g->peer < 0)
      g->peer = id;
    else if (g->peer != (int)id)
      S.crosstalk++;
    if (s->w_open && sq >= s->w_first && sq <= s->w_last) {
      u32 k = sq - s->w_first;
      if (!g->seen) g->seen = calloc(1, MAXWIN / 8);
      if (k < MAXWIN && !(g->seen[k >> 3] & (1 << (k & 7)))) {
        g->seen[k >> 3] |= 1 << (k & 7);
        g->uniq++;
      }
      if (s->seq - sq < RING) {
        u64 st = s->sent_at[sq % RING];
        if (t > st) {
          h_add(&H_lat, t - st);
          i64 l = t - st;
          if (g->have_tr) {
            i64 d = l - g->last_tr;
            if (d < 0) d = -d;
            g->jit += (d - g->jit) / 16;
          }
          g->last_tr = l;
          g->have_tr = 1;
        }
      }
    }
  }
}

// ---------- SIP ----------
enum { ST_IDLE, ST_INV, ST_UP, ST_BYE, ST_DONE, ST_FAIL };
typedef struct call {
  int st, leg, tries, cseq, acked, is_uas;
  u64 t_inv, t_up, t_bye, t_next, iv;
  char callid[80], to[600], ruri[300], route[1200], branch[40];
  char *pkt;
  int plen;
  sin_t dst;
  char *hdrs;
  struct call *hnext;
} call;
static call *C;
static int nextcall = 0, active = 0, up = 0;
static call *htab[16384];
static call **U;
static int nU = 0, capU = 0;
static char myid[24];

static u32 hs(const char *s) {
  u32 h = 2166136261u;
  while (*s) h = (h ^ (u8)*s++) * 16777619u;
  return h % 16384;
}
static const char *longname(const char *n, int len) {
  if (len == 1) switch (n[0] | 32) {
    case 'v': return "Via";
    case 'f': return "From";
    case 't': return "To";
    case 'i': return "Call-ID";
    case 'm': return "Contact";
    case 'l': return "Content-Length";
    }
  return 0;
}
static int is_h(const char *l, const char *want) {
  int n = 0;
  while (l[n] && l[n] != ':' && l[n] != '\r') n++;
  if (l[n] != ':') return 0;
  int k = n;
  while (k && l[k - 1] == ' ') k--;
  const char *ln = longname(l, k);
  if (ln) return !strcasecmp(ln, want);
  return k == (int)strlen(want) && !strncasecmp(l, want, k);
}
// copies the value of the nth header of that name; returns 1 when found
static int hdr(const char *m, const char *name, int nth, char *out, int cap) {
  const char *l = strstr(m, "\r\n");
  if (!l) return 0;
  for (l += 2; *l && strncmp(l, "\r\n", 2);) {
    const char *e = strstr(l, "\r\n");
    if (!e) break;
    if (is_h(l, name) && nth-- == 0) {
      const char *v = strchr(l, ':') + 1;
      while (*v == ' ') v++;
      int n = e - v;
      if (n >= cap) n = cap - 1;
      memcpy(out, v, n);
      out[n] = 0;
      return 1;
    }
    l = e + 2;
  }
  return 0;
}
static void sip_tx(int fd, sin_t *d, const char *p, int n) {
  sendto(fd, p, n, 0, (void *)d, sizeof *d);
  if (o_verbose > 1) fprintf(stderr, ">> %.*s\n", n, p);
}
static const char *ipof(sin_t *a) {
  static char b[4][20];
  static int k;
  k = (k + 1) & 3;
  inet_ntop(AF_INET, &a->sin_addr, b[k], 20);
  return b[k];
}
static int sdp(char *o, int cap, sin_t *a, int port) {
  return snprintf(
      o, cap,
      "v=0\r\no=load %d 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP 0 101\r\na=rtpmap:0 "
      "PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n",
      port, ipof(a), ipof(a), port);
}
static int sdp_remote(const char *m, sin_t *r) {
  const char *b = strstr(m, "\r\n\r\n");
  if (!b) return 0;
  const char *c = strstr(b, "c=IN IP4 "), *a = strstr(b, "m=audio ");
  if (!c || !a) return 0;
  char ip[32];
  int k = 0;
  for (c += 9; k < 31 && (*c == '.' || (*c >= '0' && *c <= '9')); c++) ip[k++] = *c;
  ip[k] = 0;
  memset(r, 0, sizeof *r);
  r->sin_family = AF_INET;
  if (inet_pton(AF_INET, ip, &r->sin_addr) != 1) return 0;
  int p = atoi(a + 8);
  if (!p) return 0;
  r->sin_port = htons(p);
  return 1;
}
static void contact_uri(const char *m, char *out, int cap) {
  char v[290];
  out[0] = 0;
  if (!hdr(m, "Contact", 0, v, sizeof v)) return;
  char *a = strchr(v, '<'), *e;
  if (a) {
    a++;
    e = strchr(a, '>');
    if (e) *e = 0;
  } else {
    a = v;
    e = strchr(a, ';');
    if (e) *e = 0;
  }
  snprintf(out, cap, "%s", a);
}
static void setpkt(call *c, const char *p, int n) {
  c->pkt = realloc(c->pkt, n + 1);
  memcpy(c->pkt, p, n);
  c->pkt[n] = 0;
  c->plen = n;
}
static u32 brn = 0;

static void invite(call *c, int i, u64 t) {
  char b[3000], s[600], user[80];
  c->leg = leg_new(0);
  c->cseq = 1;
  c->st = ST_INV;
  c->t_inv = t;
  c->dst = o_server;
  active++;
  S.started++;
  if (o_group)
    snprintf(user, sizeof user, "%s%d", o_to, i / o_group);
  else
    snprintf(user, sizeof user, "%s", o_to);
  snprintf(c->callid, sizeof c->callid, "u%d-%s", i, myid);
  snprintf(c->branch, sizeof c->branch, "z9hG4bK%s%x", myid, ++brn);
  snprintf(c->ruri, sizeof c->ruri, "sip:%s@%s:%d", user, ipof(&o_server), ntohs(o_server.sin_port));
  int k = sdp(s, sizeof s, &o_uac, L[c->leg]->port);
  int n = snprintf(b, sizeof b,
                   "INVITE %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:%d;branch=%s;rport\r\nMax-Forwards: 70\r\nFrom: "
                   "<sip:%s@%s:%d>;tag=a%d%s\r\nTo: <%s>\r\nCall-ID: %s\r\nCSeq: 1 INVITE\r\nContact: "
                   "<sip:%s@%s:%d>\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE\r\nUser-Agent: "
                   "callload\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s",
                   c->ruri, ipof(&o_uac), ntohs(o_uac.sin_port), c->branch, o_from, ipof(&o_uac), ntohs(o_uac.sin_port),
                   i, myid, c->ruri, c->callid, o_from, ipof(&o_uac), ntohs(o_uac.sin_port), k, s);
  setpkt(c, b, n);
  sip_tx(uacfd, &c->dst, b, n);
  c->iv = 500 * MS;
  c->t_next = t + c->iv;
  c->tries = 0;
}
static void ack(call *c, int idx, int nonok, const char *to) {
  char b[3000];
  char br[40];
  if (nonok)
    strcpy(br, c->branch);
  else
    snprintf(br, sizeof br, "z9hG4bK%s%x", myid, ++brn);
  int n = snprintf(b, sizeof b,
                   "ACK %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:%d;branch=%s;rport\r\n%sMax-Forwards: 70\r\nFrom: "
                   "<sip:%s@%s:%d>;tag=a%d%s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d ACK\r\nContent-Length: 0\r\n\r\n",
                   c->ruri, ipof(&o_uac), ntohs(o_uac.sin_port), br, nonok ? "" : c->route, o_from, ipof(&o_uac),
                   ntohs(o_uac.sin_port), idx, myid, to, c->callid, 1);
  sip_tx(uacfd, &c->dst, b, n);
}
static void bye(call *c, int idx, u64 t) {
  char b[3000];
  c->st = ST_BYE;
  c->t_bye = t;
  c->cseq++;
  up--;
  int n = snprintf(b, sizeof b,
                   "BYE %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:%d;branch=z9hG4bK%s%x;rport\r\n%sMax-Forwards: 70\r\nFrom: "
                   "<sip:%s@%s:%d>;tag=a%d%s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d BYE\r\nContent-Length: 0\r\n\r\n",
                   c->ruri, ipof(&o_uac), ntohs(o_uac.sin_port), myid, ++brn, c->route, o_from, ipof(&o_uac),
                   ntohs(o_uac.sin_port), idx, myid, c->to, c->callid, c->cseq);
  setpkt(c, b, n);
  sip_tx(uacfd, &c->dst, b, n);
  c->iv = 500 * MS;
  c->t_next = t + c->iv;
  c->tries = 0;
  leg_stop(L[c->leg]);
}
static void done(call *c, int st) {
  if (c->st == ST_UP) up--;
  leg_stop(L[c->leg]);
  c->st = st;
  free(c->pkt);
  c->pkt = 0;
  active--;
  if (st == ST_DONE)
    S.ok++;
  else
    S.failed++;
}

static void respond(int fd, sin_t *d, const char *m, int code, const char *why, const char *tag, const char *contact,
                    const char *body, int blen, char **keep, int *klen) {
  char b[6000];
  int n = snprintf(b, sizeof b, "SIP/2.0 %d %s\r\n", code, why);
  const char *l = strstr(m, "\r\n");
  if (!l) return;
  for (l += 2; *l && strncmp(l, "\r\n", 2);) {
    const char *e = strstr(l, "\r\n");
    if (!e) break;
    int len = e - l;
    if ((is_h(l, "Via") || is_h(l, "From") || is_h(l, "Call-ID") || is_h(l, "CSeq") || is_h(l, "Record-Route") ||
         is_h(l, "To")) &&
        n + len < 5000) {
      memcpy(b + n, l, len);
      n += len;
      if (is_h(l, "To") && tag && code > 100) {
        char tmp[600];
        int q = len < 599 ? len : 599;
        memcpy(tmp, l, q);
        tmp[q] = 0;
        if (!strcasestr(tmp, ";tag=")) n += snprintf(b + n, sizeof b - n, ";tag=%s", tag);
      }
      n += snprintf(b + n, sizeof b - n, "\r\n");
    }
    l = e + 2;
  }
  if (contact) n += snprintf(b + n, sizeof b - n, "Contact: <%s>\r\n", contact);
  if (blen) n += snprintf(b + n, sizeof b - n, "Content-Type: application/sdp\r\n");
  n += snprintf(b + n, sizeof b - n, "Content-Length: %d\r\n\r\n", blen);
  if (blen) {
    memcpy(b + n, body, blen);
    n += blen;
  }
  sip_tx(fd, d, b, n);
  if (keep) {
    *keep = realloc(*keep, n + 1);
    memcpy(*keep, b, n);
    (*keep)[n] = 0;
    *klen = n;
  }
}
static void uas_answer(call *c, u64 t) {
  char s[600], ct[80];
  int k = sdp(s, sizeof s, &o_uas, L[c->leg]->port);
  snprintf(ct, sizeof ct, "sip:callee@%s:%d", ipof(&o_uas), ntohs(o_uas.sin_port));
  char tag[24];
  snprintf(tag, sizeof tag, "b%d", c->leg);
  respond(uasfd, &c->dst, c->hdrs, 200, "OK", tag, ct, s, k, &c->pkt, &c->plen);
  c->st = ST_UP;
  c->iv = 500 * MS;
  c->t_next = t + c->iv;
  c->tries = 0;
}
static void on_request(int fd, sin_t *from, const char *m, u64 t) {
  char cid[80];
  if (!hdr(m, "Call-ID", 0, cid, sizeof cid)) return;
  int at_uas = fd == uasfd;
  int isinv = !strncmp(m, "INVITE ", 7), isack = !strncmp(m, "ACK ", 4), isbye = !strncmp(m, "BYE ", 4),
      iscan = !strncmp(m, "CANCEL ", 7);
  if (!at_uas) { // in-dialog request to the caller
    int i = -1;
    call *c = 0;
    if (sscanf(cid, "u%d-", &i) == 1 && i >= 0 && i < nextcall && !strcmp(C[i].callid, cid)) c = &C[i];
    if (isack) return;
    if (!c) {
      respond(fd, from, m, 481, "No Call", 0, 0, 0, 0, 0, 0);
      return;
    }
    if (isbye) {
      respond(fd, from, m, 200, "OK", 0, 0, 0, 0, 0, 0);
      if (c->st == ST_UP) {
        S.dropped++;
        done(c, ST_FAIL);
      }
      return;
    }
    char s[600], ct[80];
    int k = 0;
    if (isinv || (strstr(m, "\r\nm=audio"))) {
      k = sdp(s, sizeof s, &o_uac, L[c->leg]->port);
      S.reinv++;
      sin_t r;
      if (sdp_remote(m, &r)) L[c->leg]->rem = r;
    }
    snprintf(ct, sizeof ct, "sip:%s@%s:%d", o_from, ipof(&o_uac), ntohs(o_uac.sin_port));
    respond(fd, from, m, 200, "OK", 0, ct, s, k, 0, 0);
    return;
  }
  call *c = htab[hs(cid)];
  while (c && strcmp(c->callid, cid)) c = c->hnext;
  if (isinv && !c) {
    c = calloc(1, sizeof *c);
    c->is_uas = 1;
    snprintf(c->callid, sizeof c->callid, "%s", cid);
    c->leg = leg_new(1);
    c->hdrs = strdup(m);
    c->dst = *from;
    c->st = ST_INV;
    u32 h = hs(cid);
    c->hnext = htab[h];
    htab[h] = c;
    S.uas_in++;
    if (nU == capU) {
      capU = capU ? capU * 2 : 256;
      U = realloc(U, capU * sizeof *U);
    }
    U[nU++] = c;
    sin_t r;
    if (sdp_remote(m, &r))
      L[c->leg]->rem = r;
    else
      S.bad++;
    char tag[24];
    snprintf(tag, sizeof tag, "b%d", c->leg);
    respond(fd, from, m, 180, "Ringing", tag, 0, 0, 0, 0, 0);
    if (o_ringms) {
      c->t_next = t + o_ringms * MS;
    } else {
      uas_answer(c, t);
      leg_start(L[c->leg], L[c->leg]->rem);
    }
    return;
  }
  if (isinv) {
    if (c->st == ST_INV) return;
    if (!c->acked && c->pkt) {
      S.retx++;
      sip_tx(fd, &c->dst, c->pkt, c->plen);
      return;
    }
    char s[600], ct[80];
    S.reinv++;
    sin_t r;
    if (sdp_remote(m, &r)) L[c->leg]->rem = r;
    int k = sdp(s, sizeof s, &o_uas, L[c->leg]->port);
    snprintf(ct, sizeof ct, "sip:callee@%s:%d", ipof(&o_uas), ntohs(o_uas.sin_port));
    respond(fd, from, m, 200, "OK", 0, ct, s, k, 0, 0);
    return;
  }
  if (isack) {
    if (c && !c->acked) {
      c->acked = 1;
      S.uas_ack++;
    }
    return;
  }
  if (isbye || iscan) {
    respond(fd, from, m, 200, "OK", 0, 0, 0, 0, 0, 0);
    if (c && iscan && c->st == ST_INV) {
      char tag[24];
      snprintf(tag, sizeof tag, "b%d", c->leg);
      respond(uasfd, &c->dst, c->hdrs, 487, "Cancelled", tag, 0, 0, 0, 0, 0);
    }
    if (c && c->st != ST_DONE && (isbye || c->st == ST_INV)) {
      leg_stop(L[c->leg]);
      c->st = ST_DONE;
      c->acked = 1;
      free(c->hdrs);
      c->hdrs = 0;
      free(c->pkt);
      c->pkt = 0;
    }
    return;
  }
  respond(fd, from, m, 200, "OK", c ? 0 : "opt", 0, 0, 0, 0, 0); // OPTIONS, INFO, NOTIFY, UPDATE without a body
}
static void on_response(const char *m, u64 t) {
  char cid[80], cs[64];
  int i = -1, code = atoi(m + 8);
  if (!hdr(m, "Call-ID", 0, cid, sizeof cid) || !hdr(m, "CSeq", 0, cs, sizeof cs)) return;
  if (sscanf(cid, "u%d-", &i) != 1 || i < 0 || i >= nextcall || strcmp(C[i].callid, cid)) return;
  call *c = &C[i];
  if (strstr(cs, "INVITE")) {
    if (code < 200) {
      if (c->st == ST_INV) c->t_next = t + 180 * SEC;
      return;
    }
    char to[600];
    hdr(m, "To", 0, to, sizeof to);
    if (code < 300) {
      if (c->st == ST_INV) {
        memcpy(c->to, to, sizeof to);
        char u[300];
        contact_uri(m, u, sizeof u);
        if (u[0]) strcpy(c->ruri, u);
        char rr[300];
        int nr = 0;
        while (hdr(m, "Record-Route", nr, rr, sizeof rr)) nr++;
        int k = 0;
        for (int j = nr - 1; j >= 0; j--) {
          hdr(m, "Record-Route", j, rr, sizeof rr);
          k += snprintf(c->route + k, sizeof c->route - k, "Route: %s\r\n", rr);
        }
        c->st = ST_UP;
        c->t_up = t;
        up++;
        h_add(&H_setup, t - c->t_inv);
        sin_t r;
        if (sdp_remote(m, &r))
          leg_start(L[c->leg], r);
        else
          S.bad++;
      } else
        S.retx++;
      ack(c, i, 0, c->to);
    } else {
      ack(c, i, 1, to);
      if (c->st == ST_INV) {
        if (code < 700) failcode[code]++;
        done(c, ST_FAIL);
      }
    }
  } else if (strstr(cs, "BYE") && code >= 200 && c->st == ST_BYE)
    done(c, code < 300 ? ST_DONE : ST_FAIL);
}

// ---------- the server's processor time and memory ----------
static double cpu_s(void) {
  double s = 0;
  for (int i = 0; i < o_npid; i++) {
    char f[64], b[2048];
    snprintf(f, 64, "/proc/%d/stat", o_pids[i]);
    FILE *h = fopen(f, "r");
    if (!h) continue;
    size_t n = fread(b, 1, sizeof b - 1, h);
    b[n] = 0;
    fclose(h);
    char *p = strrchr(b, ')');
    unsigned long ut, st;
    if (p && sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &ut, &st) == 2)
      s += (double)(ut + st) / sysconf(_SC_CLK_TCK);
  }
  return s;
}
static double rss_mb(void) {
  double s = 0;
  for (int i = 0; i < o_npid; i++) {
    char f[64], b[256];
    snprintf(f, 64, "/proc/%d/status", o_pids[i]);
    FILE *h = fopen(f, "r");
    if (!h) continue;
    while (fgets(b, sizeof b, h)) {
      long k;
      if (sscanf(b, "VmRSS: %ld", &k) == 1) s += k / 1024.0;
    }
    fclose(h);
  }
  return s;
}
static double idle_s(double *tot) {
  FILE *h = fopen("/proc/stat", "r");
  double v[10] = {0};
  if (h) {
    if (fscanf(h, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", v, v + 1, v + 2, v + 3, v + 4, v + 5, v + 6, v + 7) < 4)
      v[3] = 0;
    fclose(h);
  }
  *tot = 0;
  for (int i = 0; i < 8; i++) *tot += v[i];
  *tot /= sysconf(_SC_CLK_TCK);
  return (v[3] + v[4]) / sysconf(_SC_CLK_TCK);
}
static double self_s(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static int addr(const char *s, sin_t *a) {
  char b[64];
  snprintf(b, 64, "%s", s);
  char *c = strchr(b, ':');
  int p = 0;
  if (c) {
    *c = 0;
    p = atoi(c + 1);
  }
  memset(a, 0, sizeof *a);
  a->sin_family = AF_INET;
  a->sin_port = htons(p);
  return inet_pton(AF_INET, b, &a->sin_addr) == 1;
}
// Seconds for which calls were up together, from a moment (0: the beginning) until they were hung up.
static double call_s(u64 from) {
  double s = 0;
  for (int i = 0; i < nextcall; i++) {
    u64 a = C[i].t_up > from ? C[i].t_up : from;
    if (C[i].t_up && C[i].t_bye > a) s += (C[i].t_bye - a) / 1e9;
  }
  return s;
}
static void write_legs(void) {
  FILE *h = fopen(o_legs, "w");
  if (!h) return;
  for (int i = 0; i < nL; i++)
    fprintf(h, "%d %s %d %u %ld\n", i, L[i]->is_uas ? "callee" : "caller", L[i]->peer, L[i]->seq, L[i]->rx);
  fclose(h);
}
static volatile sig_atomic_t stop = 0;
static void onsig(int s) {
  (void)s;
  stop = 1;
}
static void usage(void) {
  puts("callload --server IP:PORT [--uac IP[:PORT]] [--uas IP:PORT] [--to USER] [--from USER] --calls N --rate CPS\n"
       "  signalling run:   --hold SECONDS            each call is hung up after that time\n"
       "  media run:        --media --window SECONDS  all calls stay up, then that long is measured, then all hang up\n"
       "  --settle S   wait between the last answer and the window (3)    --ring MS  callee rings first (0)\n"
       "  --group G    dial USER0 for the first G calls, USER1 for the next G (conference rooms), without --uas\n"
       "  --tone       plain tone, no markers (for mixed audio)           --rtp-base PORT (20000)\n"
       "  --pid P[,P]  server processes, for CPU and RSS                  --limit S  hard end (600)\n"
       "  --legs FILE  writes of each leg: number, side, leg heard (-1 none), packets sent, packets heard\n"
       "  --label TEXT --json FILE (append one line)                      -v / -vv");
  exit(2);
}
int main(int ac, char **av) {
  static struct option lo[] = {{"server", 1, 0, 1},  {"uac", 1, 0, 2},     {"uas", 1, 0, 3},
                               {"to", 1, 0, 4},      {"from", 1, 0, 5},    {"calls", 1, 0, 6},
                               {"rate", 1, 0, 7},    {"hold", 1, 0, 8},    {"media", 0, 0, 9},
                               {"window", 1, 0, 10}, {"settle", 1, 0, 11}, {"ring", 1, 0, 12},
                               {"group", 1, 0, 13},  {"tone", 0, 0, 14},   {"rtp-base", 1, 0, 15},
                               {"pid", 1, 0, 16},    {"limit", 1, 0, 17},  {"label", 1, 0, 18},
                               {"json", 1, 0, 19},   {"legs", 1, 0, 20},   {0}};
  int k, have_srv = 0;
  addr("127.0.0.1", &o_uac);
  while ((k = getopt_long(ac, av, "v", lo, 0)) != -1) switch (k) {
    case 1: have_srv = addr(optarg, &o_server); break;
    case 2:
      if (!addr(optarg, &o_uac)) usage();
      break;
    case 3: o_have_uas = addr(optarg, &o_uas); break;
    case 4: o_to = optarg; break;
    case 5: o_from = optarg; break;
    case 6: o_calls = atoi(optarg); break;
    case 7: o_rate = atof(optarg); break;
    case 8: o_hold = atof(optarg); break;
    case 9: o_media = 1; break;
    case 10: o_window = atof(optarg); break;
    case 11: o_settle = atof(optarg); break;
    case 12: o_ringms = atoi(optarg); break;
    case 13: o_group = atoi(optarg); break;
    case 14: o_tone = 1; break;
    case 15: o_rtpbase = atoi(optarg); break;
    case 16: {
      char *p = strtok(optarg, ",");
      while (p && o_npid < 16) {
        o_pids[o_npid++] = atoi(p);
        p = strtok(0, ",");
      }
      break;
    }
    case 17: o_limit = atof(optarg); break;
    case 18: o_label = optarg; break;
    case 19: o_json = optarg; break;
    case 20: o_legs = optarg; break;
    case 'v': o_verbose++; break;
    default: usage();
    }
  if (!have_srv || o_calls < 0 || o_calls > 1000000 || o_rate <= 0) usage();
  struct rlimit rl;
  getrlimit(RLIMIT_NOFILE, &rl);
  rl.rlim_cur = rl.rlim_max;
  setrlimit(RLIMIT_NOFILE, &rl);
  signal(SIGINT, onsig);
  signal(SIGTERM, onsig);
  srandom(getpid() ^ (unsigned)now());
  snprintf(myid, sizeof myid, "%x%lx", getpid(), random() & 0xffffff);
  for (int i = 0; i < 8000; i++) {
    u8 u = ulaw((int)(6000 * sin(2 * M_PI * 400 * i / 8000.0)));
    tonebuf[i] = u == 0x7f ? 0xff : u;
  }
  h_init(&H_setup, 400000, MS / 40);
  h_init(&H_lat, 40000, 10000);
  h_init(&H_late, 20000, 10000);
  ep = epoll_create1(0);
  nextport = o_rtpbase;
  C = calloc(o_calls + 1, sizeof *C);
  if ((uacfd = udp(&o_uac, 8 << 20)) < 0) {
    perror("bind uac");
    return 2;
  }
  socklen_t sl = sizeof o_uac;
  getsockname(uacfd, (void *)&o_uac, &sl);
  ep_add(uacfd, 1);
  if (o_have_uas) {
    if ((uasfd = udp(&o_uas, 8 << 20)) < 0) {
      perror("bind uas");
      return 2;
    }
    ep_add(uasfd, 2);
  }
  tfd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct itimerspec it = {{0, MS}, {0, MS}};
  timerfd_settime(tfd, 0, &it, 0);
  ep_add(tfd, 3);
  double rss0 = rss_mb(), c0 = cpu_s(), cw0 = 0, cw1 = 0, rssw = 0, it0, tt0, itw0 = 0, ttw0 = 0, itw1 = 0, ttw1 = 0,
         sw0 = 0, sw1 = 0;
  it0 = idle_s(&tt0);
  (void)it0;
  u64 t0 = now(), tick = t0, lastscan = 0, allup = 0, teardown = 0, closing = 0;
  int nslot = 0, byenext = 0, low = 0;
  int phase = 0;
  int maxup = 0; // phases: 0 ramp, 1 settle, 2 window, 3 teardown
  u64 t_last_start = t0;
  struct epoll_event ev[256];
  char buf[65536];
  sin_t from;
  u64 rt;
  while (!stop) {
    int n = epoll_wait(ep, ev, 256, 20);
    for (int i = 0; i < n; i++) {
      u64 tag = ev[i].data.u64;
      if (tag >= 16) {
        leg *g = L[tag - 16];
        if (g->fd >= 0) rtp_recv(g);
      } else if (tag == 3) {
        u64 x;
        if (read(tfd, &x, 8) < 0) x = 0;
      } else {
        int fd = tag == 1 ? uacfd : uasfd;
        for (int j = 0; j < 32; j++) {
          ssize_t r = rx(fd, buf, sizeof buf - 1, &from, &rt);
          if (r < 0) break;
          buf[r] = 0;
          if (r < 12) continue;
          if (o_verbose > 1) fprintf(stderr, "<< %s\n", buf);
          if (!strncmp(buf, "SIP/2.0 ", 8))
            on_response(buf, now());
          else
            on_request(fd, &from, buf, now());
        }
      }
    }
    u64 t = now();
    if (t > tick + 200 * MS) tick = t - MS; // a long stall: do not burst
    while (tick + MS <= t) {
      tick += MS;
      int s = nslot++ % SLOTS;
      for (int i = 0; i < slotn[s]; i++) rtp_send(slotv[s][i], tick);
    }
    while (phase == 0 && nextcall < o_calls && t >= t0 + (u64)(nextcall * 1e9 / o_rate)) {
      int i = nextcall++;
      invite(&C[i], i, t);
      t_last_start = t;
    }
    if (up > maxup) maxup = up;
    if (t - lastscan > 5 * MS) {
      lastscan = t;
      while (low < nextcall && C[low].st >= ST_DONE) low++;
      for (int i = low; i < nextcall; i++) {
        call *c = &C[i];
        if ((c->st == ST_INV || c->st == ST_BYE) && t >= c->t_next) {
          if (++c->tries > 6 || t > c->t_inv + 200 * SEC) {
            failcode[c->st == ST_INV ? 408 : 409]++;
            done(c, ST_FAIL);
          } else {
            S.retx++;
            sip_tx(uacfd, &c->dst, c->pkt, c->plen);
            c->iv = c->iv * 2 > 4 * SEC ? 4 * SEC : c->iv * 2;
            c->t_next = t + c->iv;
          }
        }
        if (c->st == ST_UP && !o_window && t >= c->t_up + (u64)(o_hold * 1e9)) bye(c, i, t);
      }
      for (int i = 0; i < nU; i++) {
        call *c = U[i];
        if (c->st == ST_INV && o_ringms && t >= c->t_next) {
          uas_answer(c, t);
          leg_start(L[c->leg], L[c->leg]->rem);
        } else if (c->st == ST_UP && !c->acked && t >= c->t_next && c->tries < 7) {
          c->tries++;
          S.retx++;
          sip_tx(uasfd, &c->dst, c->pkt, c->plen);
          c->iv *= 2;
          c->t_next = t + c->iv;
        }
        if (c->st == ST_DONE) {
          U[i] = U[--nU];
          i--;
        }
      }
    }
    if (o_window) {
      if (phase == 0 && nextcall == o_calls && (up + S.failed >= o_calls || t > t_last_start + 15 * SEC)) {
        phase = 1;
        allup = t;
      }
      if (phase == 1 && t > allup + (u64)(o_settle * 1e9)) {
        phase = 2;
        win_start = t;
        win_end = t + (u64)(o_window * 1e9);
        cw0 = cpu_s();
        itw0 = idle_s(&ttw0);
        sw0 = self_s();
      }
      if (phase == 2 && t >= win_end) {
        phase = 3;
        cw1 = cpu_s();
        itw1 = idle_s(&ttw1);
        sw1 = self_s();
        rssw = rss_mb();
        teardown = t + SEC;
      }
      if (phase == 3 && t > teardown) {
        int per = (int)(o_rate / 200) + 1;
        static u64 lb;
        if (t - lb > 5 * MS) {
          lb = t;
          while (per && byenext < nextcall) {
            if (C[byenext].st == ST_UP) {
              bye(&C[byenext], byenext, t);
              per--;
            }
            byenext++;
          }
        }
      }
    }
    if (nextcall == o_calls && !active && o_calls) {
      if (!closing) closing = t + (o_window ? SEC : SEC / 2);
      if (t > closing) break;
    }
    if (t > t0 + (u64)(o_limit * 1e9)) break;
  }
  double secs = (now() - t0) / 1e9, cpu = cpu_s() - c0, rss1 = rss_mb();
  // media summary
  long sent = 0, got = 0, rxw = 0, nrx = 0, nleg = 0, silent = 0, marked = 0, gaps = 0;
  double jm = 0, jx = 0, jr = 0, gapx = 0;
  for (int i = 0; i < nL; i++) {
    leg *g = L[i];
    if (!o_media) break;
    nleg++;
    if (g->w_open) {
      sent += g->w_last - g->w_first + 1;
    }
    got += g->uniq;
    rxw += g->rx_win;
    marked += g->marked;
    gaps += g->seqgap;
    if (g->rx_win) {
      nrx++;
      jm += g->jit;
      jr += g->jit_rtp;
      if (g->jit > jx) jx = g->jit;
      if (g->maxgap > gapx) gapx = g->maxgap;
    } else if (g->w_open)
      silent++;
  }
  long want = sent;
  double win = phase == 3 ? o_window : 0; // 0: the window was not completed
  char fc[300] = "";
  int fk = 0;
  for (int i = 0; i < 700; i++)
    if (failcode[i] && fk < 280) fk += snprintf(fc + fk, sizeof fc - fk, "%s\"%d\":%d", fk ? "," : "", i, failcode[i]);
  char out[4000];
  int o = snprintf(
      out, sizeof out,
      "{\"label\":\"%s\",\"calls\":%ld,\"ok\":%ld,\"failed\":%ld,\"dropped\":%ld,\"codes\":{%s},\"rate\":%.1f,\"secs\":"
      "%.2f,\"max_up\":%d,\"uas_in\":%ld,\"uas_ack\":%ld,\"retx\":%ld,\"reinvites\":%ld,\"no_sdp\":%ld,"
      "\"setup_ms\":{\"p50\":%.2f,\"p95\":%.2f,\"p99\":%.2f,\"max\":%.2f},\"cpu_s\":%.2f,\"cpu_ms_per_call\":%.3f,"
      "\"call_s\":%.2f,"
      "\"rss_mb\":{\"before\":%.1f,\"up\":%.1f,\"after\":%.1f}",
      o_label, S.started, S.ok, S.failed, S.dropped, fc, o_rate, secs, maxup, S.uas_in, S.uas_ack, S.retx, S.reinv,
      S.bad, h_q(&H_setup, .5), h_q(&H_setup, .95), h_q(&H_setup, .99), H_setup.max / 1e6, cpu,
      S.ok ? cpu * 1000 / S.ok : 0, call_s(0), rss0, rssw, rss1);
  if (o_media)
    o += snprintf(
        out + o, sizeof out - o,
        ",\"media\":{\"legs\":%ld,\"silent_legs\":%ld,\"window_s\":%.1f,\"sent\":%ld,\"received\":%ld,\"rx_any\":%ld,"
        "\"loss_pct\":%.4f,\"rx_any_loss_pct\":%.4f,\"rtp_seq_gaps\":%ld,\"crosstalk\":%ld,\"latency_ms\":{\"mean\":%."
        "3f,\"p50\":%.3f,\"p99\":%.3f,\"p999\":%.3f,\"max\":%.2f},\"jitter_ms\":{\"server_mean\":%.3f,\"server_max\":%."
        "3f,\"rtp_mean\":%.3f},\"max_gap_ms\":%.1f,\"call_s_after\":%.2f,\"cpu_s_after\":%.2f,\"server_cpu_pct\":%.1f,"
        "\"cpu_ms_per_call_s\":%.4f,\"gen_cpu_pct\":%"
        ".1f,\"box_busy_pct\":%.1f,\"gen_late_ms\":{\"p99\":%.2f,\"max\":%.2f}}",
        nleg, silent, win, want, got, rxw, marked && want ? 100.0 * (want - got) / want : -1.0,
        want ? 100.0 * (want - rxw) / want : -1.0, gaps, S.crosstalk, H_lat.cnt ? H_lat.sum / H_lat.cnt / 1e6 : 0,
        h_q(&H_lat, .5), h_q(&H_lat, .99), h_q(&H_lat, .999), H_lat.max / 1e6, nrx ? jm / nrx / 1e6 : 0, jx / 1e6,
        nrx ? jr / nrx / 1e6 : 0, gapx / 1e6, win ? call_s(win_end) : 0, win ? cpu + c0 - cw1 : 0,
        win ? 100 * (cw1 - cw0) / win : 0, win && maxup ? 1000 * (cw1 - cw0) / win / maxup : 0,
        win ? 100 * (sw1 - sw0) / win : 0, ttw1 > ttw0 ? 100 * (1 - (itw1 - itw0) / (ttw1 - ttw0)) : 0,
        h_q(&H_late, .99), H_late.max / 1e6);
  if (o_legs) write_legs();
  o += snprintf(out + o, sizeof out - o, "}\n");
  fputs(out, stdout);
  if (o_json) {
    FILE *h = fopen(o_json, "a");
    if (h) {
      fputs(out, h);
      fclose(h);
    }
  }
  return S.failed || (o_calls && S.ok < o_calls) ? 1 : 0;
}
