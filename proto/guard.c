#include "proto/guard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "common/check.h"
#include "common/log.h"
#include "common/mem.h"
#include "proto/traffic.h"

enum {
    DESCRIPTORS_KEPT = 128, /* for the database, its readers, files: a crowd at the door must not take them */
    LOOK_MS = 250,          /* at the list, at silent connections */
    LOG_EVERY_MS = 1000,    /* a crowd of strangers is one line a second */
    PENALTIES = 64,
    CUTS = 256,     /* connections that were ended a moment ago */
    ZAP_FRAMES = 7, /* version, request, domain, address, routing id, mechanism, credentials */
    ZAP_FRAME_MAX = 256,
    HANDSHAKES_A_TURN = 1000,
};

static const char zap_address[] = "inproc://zeromq.zap.01", domain[] = "hone";

struct guard {
    void *zap; /* NULL: no keys */
    struct key_list list;
    struct peers peers;
    struct key_owner sender;
    int sender_fd;
    peer_id sender_id;
    int64_t look_at_ms, log_at_ms;
    peer_id *revoked; /* not yet told */
    size_t revoked_count, revoked_room;
    struct penalty {
        char key[KEY_TEXT];
        int64_t until_ms;
    } penalties[PENALTIES];
    size_t next_penalty;
    peer_id cuts[CUTS];
    size_t next_cut;
};

/* ---- open, close ---- */

static size_t connections_most(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == RLIM_INFINITY)
        return 100000;
    return limit.rlim_cur > 2 * DESCRIPTORS_KEPT ? limit.rlim_cur - DESCRIPTORS_KEPT : DESCRIPTORS_KEPT;
}

static void set_text(void *socket, int option, const char *text, size_t len)
{
    int rc = zmq_setsockopt(socket, option, text, len);
    PRE(rc == 0);
}

static void set_number(void *socket, int option, int value)
{
    int rc = zmq_setsockopt(socket, option, &value, sizeof value);
    PRE(rc == 0);
}

/* The list is asked for with every handshake, or there is none: without a handler libzmq would let everyone in. */
static int open_zap(struct guard *guard, void *context, struct err *err)
{
    guard->zap = zmq_socket(context, ZMQ_REP);
    if (guard->zap)
        set_number(guard->zap, ZMQ_LINGER, 0);
    if (guard->zap && zmq_bind(guard->zap, zap_address) == 0)
        return 0;
    return err_set(err, ERR_IO, "cannot look after keys: %s",
                   errno == EADDRINUSE ? "this process listens with keys already" : zmq_strerror(errno));
}

static int use_keys(struct guard *guard, void *context, const char *folder, void *socket, struct err *err)
{
    struct key_pair pair;
    int rc = zmq_has("curve")
                 ? 0
                 : err_set(err, ERR_IO, "this libzmq was built without CURVE: there can be no keys");
    if (!rc)
        rc = keys_server(folder, &pair, err);
    if (!rc)
        rc = key_list_load(&guard->list, folder, err);
    if (!rc)
        rc = open_zap(guard, context, err);
    if (rc)
        return rc;
    set_number(socket, ZMQ_CURVE_SERVER, 1);
    set_text(socket, ZMQ_CURVE_SECRETKEY, pair.secret, KEY_TEXT);
    set_text(socket, ZMQ_ZAP_DOMAIN, domain, strlen(domain));
    key_pair_wipe(&pair);
    return 0;
}

int guard_open(void *context, const char *key_folder, void *socket, struct guard **out, struct err *err)
{
    struct guard *guard = xcalloc(1, sizeof *guard);
    peers_init(&guard->peers, connections_most());
    guard->sender.role = ROLE_LOCAL;
    int rc = key_folder ? use_keys(guard, context, key_folder, socket, err) : 0;
    if (rc)
        guard_close(guard);
    else
        *out = guard;
    return rc;
}

void guard_close(struct guard *guard)
{
    if (!guard)
        return;
    if (guard->zap)
        zmq_close(guard->zap);
    key_list_fini(&guard->list);
    peers_fini(&guard->peers);
    free(guard->revoked);
    free(guard);
}

void *guard_socket(const struct guard *guard)
{
    return guard->zap;
}

void trust_use(void *socket, const struct key_trust *trust)
{
    set_text(socket, ZMQ_CURVE_SERVERKEY, trust->server, KEY_TEXT);
    set_text(socket, ZMQ_CURVE_PUBLICKEY, trust->own.public, KEY_TEXT);
    set_text(socket, ZMQ_CURVE_SECRETKEY, trust->own.secret, KEY_TEXT);
}

/* ---- ending connections ---- */

static bool may_log(struct guard *guard, int64_t now_ms)
{
    if (now_ms < guard->log_at_ms)
        return false;
    guard->log_at_ms = now_ms + LOG_EVERY_MS;
    return true;
}

/* Only if the descriptor is still that connection's. */
static bool cut_peer(struct guard *guard, int fd, peer_id id)
{
    const struct peers *peers = &guard->peers;
    if (fd < 0 || (size_t)fd >= peers->room || !peers->by_fd[fd].there || peers->by_fd[fd].id != id)
        return false;
    shutdown(fd, SHUT_RDWR);
    peers_went(&guard->peers, fd);
    guard->cuts[guard->next_cut++ % CUTS] = id;
    return true;
}

bool guard_has_cut(const struct guard *guard, peer_id id)
{
    size_t count = guard->next_cut < CUTS ? guard->next_cut : CUTS;
    for (size_t i = 0; id && i < count; i++)
        if (guard->cuts[i] == id)
            return true;
    return false;
}

void guard_drop(struct guard *guard, peer_id id, int64_t now_ms)
{
    for (size_t fd = 0; id && fd < guard->peers.room; fd++) {
        const struct peer *peer = &guard->peers.by_fd[fd];
        if (!peer->there || peer->id != id)
            continue;
        if (may_log(guard, now_ms))
            log_warn("%s \"%s\" does not read what it is sent: its connection is ended",
                     role_name(peer->owner.role), peer->owner.name);
        cut_peer(guard, (int)fd, id);
    }
}

static void tell_revoked(struct guard *guard, peer_id id)
{
    GROW(guard->revoked, guard->revoked_room, guard->revoked_count + 1);
    guard->revoked[guard->revoked_count++] = id;
}

peer_id guard_next_revoked(struct guard *guard)
{
    return guard->revoked_count ? guard->revoked[--guard->revoked_count] : 0;
}

/* Large messages wait for it: too many if it has taken none of them. */
void guard_sent(struct guard *guard, peer_id id, size_t bytes, int64_t now_ms)
{
    int64_t received, acked;
    for (size_t fd = 0; bytes >= PEER_LARGE && fd < guard->peers.room; fd++) {
        struct peer *peer = &guard->peers.by_fd[fd];
        if (!peer->there || peer->id != id || !peer_owes(peer, (int64_t)bytes))
            continue;
        if (traffic_of((int)fd, &received, &acked) && !peer_paid(peer, acked))
            guard_drop(guard, id, now_ms);
        return;
    }
}

/* ---- handshakes ---- */

static bool is_penalized(const struct guard *guard, const char *key, int64_t now_ms)
{
    for (size_t i = 0; i < PENALTIES; i++)
        if (now_ms < guard->penalties[i].until_ms && strcmp(guard->penalties[i].key, key) == 0)
            return true;
    return false;
}

static void penalize(struct guard *guard, const char *key, int64_t now_ms)
{
    struct penalty *penalty = &guard->penalties[guard->next_penalty++ % PENALTIES];
    if (!*key)
        return;
    memcpy(penalty->key, key, KEY_TEXT);
    penalty->until_ms = now_ms + PEER_PENALTY_MS;
}

struct zap_request {
    char frames[ZAP_FRAMES][ZAP_FRAME_MAX];
    int len[ZAP_FRAMES];
    int count;
};

/* False: no request. */
static bool zap_receive(void *zap, struct zap_request *request)
{
    int more = 1;
    size_t size = sizeof more;
    for (request->count = 0; more; request->count++) {
        char spare[ZAP_FRAME_MAX],
            *into = request->count < ZAP_FRAMES ? request->frames[request->count] : spare;
        int len = zmq_recv(zap, into, ZAP_FRAME_MAX, ZMQ_DONTWAIT);
        if (len < 0)
            return false;
        if (request->count < ZAP_FRAMES)
            request->len[request->count] = len < ZAP_FRAME_MAX ? len : ZAP_FRAME_MAX;
        if (zmq_getsockopt(zap, ZMQ_RCVMORE, &more, &size))
            more = 0;
    }
    return true;
}

static void zap_reply(void *zap, const struct zap_request *request, bool fine, const char *key)
{
    zmq_send(zap, "1.0", 3, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    zmq_send(zap, request->frames[1], (size_t)request->len[1], ZMQ_SNDMORE | ZMQ_DONTWAIT);
    zmq_send(zap, fine ? "200" : "400", 3, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    zmq_send(zap, fine ? "OK" : "no", 2, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    zmq_send(zap, key, fine ? strlen(key) : 0, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    zmq_send(zap, "", 0, ZMQ_DONTWAIT);
}

static void answer_handshake(struct guard *guard, const struct zap_request *request, int64_t now_ms)
{
    char key[KEY_TEXT] = "";
    bool curve = request->count == ZAP_FRAMES && request->len[5] == 5 &&
                 memcmp(request->frames[5], "CURVE", 5) == 0 && request->len[6] == 32 &&
                 zmq_z85_encode(key, (const uint8_t *)request->frames[6], 32);
    bool known = curve && key_list_find(&guard->list, key), late = known && is_penalized(guard, key, now_ms);
    if (!known && may_log(guard, now_ms))
        log_warn("%.*s was not let in: its key %s is not on the list", request->len[3], request->frames[3],
                 key);
    zap_reply(guard->zap, request, known && !late, key);
}

static void answer_handshakes(struct guard *guard, int64_t now_ms)
{
    struct zap_request request = {0};
    bool looked = false;
    for (int i = 0; i < HANDSHAKES_A_TURN && zap_receive(guard->zap, &request); i++) {
        if (!looked)
            key_list_refresh(&guard->list);
        looked = true;
        answer_handshake(guard, &request, now_ms);
    }
}

/* ---- now and then ---- */

/* Who was taken off the list since. */
static void cut_revoked(struct guard *guard)
{
    for (size_t fd = 0; fd < guard->peers.room; fd++) {
        struct peer peer = guard->peers.by_fd[fd];
        if (!peer.there || !peer.owner.key[0])
            continue;
        const struct key_owner *now = key_list_find(&guard->list, peer.owner.key);
        if (now && now->role == peer.owner.role)
            continue;
        log_warn("the key of %s \"%s\" is no longer on the list: its connection is ended",
                 role_name(peer.owner.role), peer.owner.name);
        if (cut_peer(guard, (int)fd, peer.id))
            tell_revoked(guard, peer.id);
    }
}

/* Messages that nobody has read yet, or one that does not end. */
static void cut_hoarders(struct guard *guard, int64_t now_ms)
{
    int64_t received, acked, most = guard->zap ? PEER_UNREAD_MAX : PEER_UNREAD_OPEN_MAX;
    for (size_t fd = 0; fd < guard->peers.room; fd++) {
        struct peer *peer = &guard->peers.by_fd[fd];
        if (!peer->there || !traffic_of((int)fd, &received, &acked) || peer_unread(peer, received) <= most)
            continue;
        if (may_log(guard, now_ms))
            log_warn("%s \"%s\" sends without end: its connection is ended", role_name(peer->owner.role),
                     peer->owner.name);
        penalize(guard, peer->owner.key, now_ms);
        cut_peer(guard, (int)fd, peer->id);
    }
}

void guard_tick(struct guard *guard, int64_t now_ms)
{
    if (guard->zap)
        answer_handshakes(guard, now_ms);
    if (now_ms < guard->look_at_ms)
        return;
    guard->look_at_ms = now_ms + LOOK_MS;
    if (guard->zap) {
        key_list_refresh(&guard->list);
        cut_revoked(guard);
    }
    cut_hoarders(guard, now_ms);
    for (int fd; (fd = peers_silent(&guard->peers, now_ms)) >= 0;)
        cut_peer(guard, fd, 0);
}

int guard_monitored(void)
{
    return ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED;
}

void guard_on_event(struct guard *guard, int event, int value, int64_t now_ms)
{
    if (event == ZMQ_EVENT_DISCONNECTED || event == ZMQ_EVENT_CLOSED)
        peers_went(&guard->peers, value);
    if (event != ZMQ_EVENT_ACCEPTED || peers_came(&guard->peers, value, now_ms))
        return;
    if (may_log(guard, now_ms))
        log_warn("more than %zu connections: those that come now are closed", guard->peers.most);
    cut_peer(guard, value, 0);
}

/* ---- messages ---- */

static int fd_of(zmq_msg_t *frame)
{
    const char *text = zmq_msg_gets(frame, "__fd");
    return text ? atoi(text) : -1;
}

/* Who sent it, as libzmq knows from the handshake; false: the key is not on the list any more. */
static bool find_sender(struct guard *guard, zmq_msg_t *frame, const struct peer *peer)
{
    if (!guard->zap)
        return true;
    const char *key = zmq_msg_gets(frame, "User-Id");
    if (key && peer && strcmp(peer->owner.key, key) == 0) {
        guard->sender = peer->owner; /* cut_revoked looks after those */
        return true;
    }
    const struct key_owner *owner = key ? key_list_find(&guard->list, key) : NULL;
    if (owner)
        guard->sender = *owner;
    return owner != NULL;
}

/* Who floods is cut off, and not let in again at once. */
static void spend(struct guard *guard, struct peer *peer, int64_t units, int64_t now_ms)
{
    if (!peer || peer_spend(peer, units, now_ms))
        return;
    if (may_log(guard, now_ms))
        log_warn("%s \"%s\" sends more than anybody should: its connection is ended",
                 role_name(guard->sender.role), guard->sender.name);
    penalize(guard, guard->sender.key, now_ms);
    cut_peer(guard, guard->sender_fd, guard->sender_id);
}

/* One of many frames is memory for nothing: each costs like 16 KiB. */
static int64_t price(size_t bytes, int frames)
{
    size_t extra = frames == WIRE_FRAMES ? 0 : (size_t)frames << 14;
    return 1 + (int64_t)((bytes + extra) >> 14);
}

bool guard_admit(struct guard *guard, const struct arrival *arrival, int64_t now_ms, struct err *err)
{
    peer_id id = arrival->from;
    guard->sender_fd = fd_of(arrival->frame);
    guard->sender_id = id;
    if (guard_has_cut(
            guard, id)) { /* it waited in libzmq, up to a thousand messages: nobody works for it any more */
        err_set(err, ERR_PROTO, "a message of a connection that was ended");
        return false;
    }
    struct peer *peer = peers_heard(&guard->peers, guard->sender_fd, id, now_ms);
    if (!find_sender(guard, arrival->frame, peer)) {
        cut_peer(guard, guard->sender_fd, id);
        err_set(err, ERR_PROTO, "a message under a key that is no longer on the list");
        return false;
    }
    if (peer) {
        peer->owner = guard->sender;
        if (arrival->frames == WIRE_FRAMES)
            peer_took(peer, (int64_t)arrival->bytes, arrival->frames);
        else
            peer->taken = -1; /* frames over the limit were thrown away unweighed */
    }
    spend(guard, peer, price(arrival->bytes, arrival->frames), now_ms);
    return true;
}

const struct key_owner *guard_sender(const struct guard *guard)
{
    return &guard->sender;
}

void guard_charge(struct guard *guard, int64_t units, int64_t now_ms)
{
    if (units && !guard_has_cut(guard, guard->sender_id))
        spend(guard, peers_heard(&guard->peers, guard->sender_fd, guard->sender_id, now_ms), units, now_ms);
}
