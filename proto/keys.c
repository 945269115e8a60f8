#include "proto/keys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "common/check.h"
#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/str.h"

enum { KEY_FILE_MAX_BYTES = 256 };

static const char secret_word[] = "hone-secret-key", public_word[] = "hone-public-key";

static const char *const role_names[ROLE_COUNT] = {
    [ROLE_NONE] = "nobody",   [ROLE_SERVER] = "server",     [ROLE_WORKER] = "worker",
    [ROLE_VIEWER] = "viewer", [ROLE_OPERATOR] = "operator", [ROLE_LOCAL] = "local",
};

const char *role_name(enum role role)
{
    return role_names[role];
}

enum role role_find(const char *name)
{
    for (int role = ROLE_SERVER; role <= ROLE_OPERATOR; role++)
        if (strcmp(role_names[role], name) == 0)
            return (enum role)role;
    return ROLE_NONE;
}

void key_pair_wipe(struct key_pair *pair)
{
    explicit_bzero(pair, sizeof *pair);
}

static bool key_text_ok(const char *text)
{
    uint8_t bytes[32];
    char again[KEY_TEXT];
    if (strlen(text) != KEY_TEXT - 1 || !zmq_z85_decode(bytes, text) ||
        !zmq_z85_encode(again, bytes, sizeof bytes))
        return false;
    return strcmp(text, again) == 0; /* the decoder lets strange characters pass */
}

/* ---- files ---- */

/* Whoever can write it can let himself in; whoever can read a secret has it. */
static int check_mode(const char *path, mode_t forbidden, const char *chmod_to, struct err *err)
{
    struct stat st;
    if (stat(path, &st)) {
        int missing = errno == ENOENT;
        err_errno(err, "%s", path);
        return missing && err ? (err->code = ERR_GONE) : missing ? ERR_GONE : ERR_IO;
    }
    if (st.st_uid != geteuid() && st.st_uid != 0) {
        err_set(err, ERR_BAD, "%s belongs to another user", path);
        return err_hint(
            err,
            "keys are used by their owner only: chown it, or make a folder of your own with hone keygen");
    }
    if (!(st.st_mode & forbidden))
        return 0;
    err_set(err, ERR_BAD, "%s: other users can %s it (mode %04o)", path,
            st.st_mode & forbidden & 044 ? "read" : "write", (unsigned)(st.st_mode & 07777));
    return err_hint(err, "chmod %s '%s'", chmod_to, path);
}

static int read_key(const char *path, const char *word, enum role *role, char out[KEY_TEXT], struct err *err)
{
    struct str text = {0};
    char first[32] = "", who[32] = "", key[64] = "";
    int rc = file_read(path, KEY_FILE_MAX_BYTES, &text, err);
    bool fine = !rc && sscanf(str_text(&text), "%31s %31s %63s", first, who, key) == 3 &&
                strcmp(first, word) == 0 && (*role = role_find(who)) != ROLE_NONE && key_text_ok(key);
    if (fine)
        memcpy(out, key, KEY_TEXT);
    if (text.text)
        explicit_bzero(text.text, text.len);
    explicit_bzero(key, sizeof key);
    str_fini(&text);
    if (rc || fine)
        return rc;
    err_set(err, ERR_BAD, "%s: is not a key (\"%s ROLE\", and 40 characters on the next line)", path, word);
    return err_hint(err, "hone keygen and hone keys add write such files");
}

static int read_secret(const char *path, enum role *role, struct key_pair *out, struct err *err)
{
    int rc = check_mode(path, 077, "600", err);
    if (!rc)
        rc = read_key(path, secret_word, role, out->secret, err);
    if (!rc && zmq_curve_public(out->public, out->secret))
        rc = err_set(err, ERR_IO, "%s: this libzmq has no CURVE", path);
    if (rc)
        key_pair_wipe(out);
    return rc;
}

/* Never over one that is there. */
static int write_new(const char *path, mode_t mode, const char *word, enum role role, const char *key,
                     struct err *err)
{
    char text[KEY_FILE_MAX_BYTES];
    int len = snprintf(text, sizeof text, "%s %s\n%s\n", word, role_name(role), key);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    int rc = fd < 0 ? err_errno(err, "%s: cannot make the key file", path) : 0;
    if (!rc && (write(fd, text, (size_t)len) != len || fsync(fd)))
        rc = err_errno(err, "%s: cannot write", path);
    if (fd < 0 && errno == EEXIST)
        err_hint(err, "it is never written over: remove it for a new one, or let the old one in with --pub");
    if (fd >= 0)
        close(fd);
    if (rc && fd >= 0)
        unlink(path);
    explicit_bzero(text, sizeof text);
    return rc;
}

static int private_folder(const char *path, struct err *err)
{
    char *above = path_dir(path);
    int rc = dir_make(above, err);
    free(above);
    if (!rc && mkdir(path, 0700) && errno != EEXIST)
        rc = err_errno(err, "%s: cannot make the folder", path);
    return rc ? rc : check_mode(path, 077, "700", err);
}

static char *file_of(const char *folder, enum role role, const char *suffix)
{
    return xasprintf("%s/%s.%s", folder, role_name(role), suffix);
}

static int write_pair(const char *folder, enum role role, struct key_pair *pair, struct err *err)
{
    char *secret = file_of(folder, role, "key"), *public = file_of(folder, role, "pub");
    int rc = 0;
    if (zmq_curve_keypair(pair->public, pair->secret))
        rc = err_set(err, ERR_IO, "cannot make a key pair: this libzmq has no CURVE");
    if (!rc)
        rc = write_new(secret, 0600, secret_word, role, pair->secret, err);
    if (!rc)
        rc = write_new(public, 0644, public_word, role, pair->public, err);
    free(secret);
    free(public);
    return rc;
}

/* ---- the folder ---- */

char *keys_folder(const char *given)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (given && *given)
        return xstrdup(given);
    if (config && *config == '/')
        return path_join(config, "hone/keys");
    return path_join(home && *home ? home : "/", ".config/hone/keys");
}

bool keys_exist(const char *folder)
{
    char *path = path_join(folder, "server.pub");
    bool there = file_exists(path);
    free(path);
    return there;
}

int keys_generate(const char *folder, struct err *err)
{
    static const enum role roles[] = {ROLE_WORKER, ROLE_OPERATOR, ROLE_VIEWER};
    struct key_pair pair = {0};
    if (keys_exist(folder)) {
        err_set(err, ERR_BAD, "%s: there are keys already", folder);
        return err_hint(err, "hone keys add NAME --role worker adds one; move the folder away to start anew");
    }
    int rc = private_folder(folder, err);
    for (size_t i = 0; !rc && i < COUNT_OF(roles); i++) {
        rc = write_pair(folder, roles[i], &pair, err);
        if (!rc)
            rc = keys_add(folder, role_name(roles[i]), roles[i], pair.public, err);
    }
    if (!rc)
        rc = write_pair(folder, ROLE_SERVER, &pair, err);
    key_pair_wipe(&pair);
    return rc ? rc : dir_sync(folder, err);
}

static int check_folder(const char *folder, struct err *err)
{
    int rc = check_mode(folder, 022, "700", err);
    if (rc == ERR_GONE)
        err_hint(err, "hone keygen makes keys; --keys DIR or HONE_KEYS says where they are");
    return rc;
}

int keys_server(const char *folder, struct key_pair *out, struct err *err)
{
    enum role role;
    char *path = file_of(folder, ROLE_SERVER, "key");
    int rc = check_folder(folder, err);
    if (!rc)
        rc = read_secret(path, &role, out, err);
    if (rc == ERR_GONE && err && !err->hint[0])
        err_hint(err, "hone keygen makes it");
    free(path);
    return rc;
}

static int own_key(const char *folder, const enum role *roles, struct key_trust *out, struct err *err)
{
    int rc = ERR_GONE;
    for (const enum role *role = roles; *role && rc == ERR_GONE; role++) {
        char *path = file_of(folder, *role, "key");
        struct err why = ERR_NONE;
        rc = read_secret(path, &out->role, &out->own, &why);
        if (rc && err)
            *err = why;
        if (rc == ERR_GONE)
            err_hint(
                err,
                "take it there from the master's folder, or make one there: hone keys add NAME --role %s",
                role_name(*role));
        free(path);
    }
    return rc;
}

int keys_trust(const char *folder, const enum role *roles, struct key_trust *out, struct err *err)
{
    enum role role;
    char *path = file_of(folder, ROLE_SERVER, "pub");
    memset(out, 0, sizeof *out);
    int rc = check_folder(folder, err);
    if (!rc)
        rc = check_mode(path, 022, "644", err);
    if (!rc)
        rc = read_key(path, public_word, &role, out->server, err);
    if (!rc)
        rc = own_key(folder, roles, out, err);
    free(path);
    return rc;
}

/* ---- the list ---- */

static int check_name(const char *name, struct err *err)
{
    if (name_ok(name))
        return 0;
    err_set(err, ERR_BAD, "\"%.80s\" cannot be the name of a key, for it names a file", name);
    return err_hint(err, "a letter, then letters, digits, _, . and -, at most 64");
}

static int give_pair(const char *folder, const char *name, enum role role, struct key_pair *pair,
                     struct err *err)
{
    char *clients = path_join(folder, "clients"), *mine = path_join(clients, name);
    char *from = file_of(folder, ROLE_SERVER, "pub"), *to = file_of(mine, ROLE_SERVER, "pub");
    char server[KEY_TEXT];
    enum role ignored;
    int rc = private_folder(clients, err);
    if (!rc)
        rc = read_key(from, public_word, &ignored, server, err);
    if (!rc)
        rc = private_folder(mine, err);
    if (!rc)
        rc = write_pair(mine, role, pair, err);
    if (!rc)
        rc = write_new(to, 0644, public_word, ROLE_SERVER, server, err);
    free(clients);
    free(mine);
    free(from);
    free(to);
    return rc;
}

static int list_key(const char *authorized, const char *name, enum role role, const char *key,
                    struct err *err)
{
    char *path = xasprintf("%s/%s.pub", authorized, name);
    char text[KEY_FILE_MAX_BYTES];
    int len = snprintf(text, sizeof text, "%s %s\n%s\n", public_word, role_name(role), key);
    int rc = file_exists(path) ? err_set(err, ERR_BAD, "there is a key \"%s\" already", name) : 0;
    mode_t before = umask(077); /* a list that others can write would not be believed */
    if (rc)
        err_hint(err, "hone keys revoke %s takes it off the list", name);
    else
        rc = file_write_whole(path, text, (size_t)len, err);
    umask(before);
    free(path);
    return rc;
}

int keys_add(const char *folder, const char *name, enum role role, const char *public, struct err *err)
{
    char *authorized = path_join(folder, "authorized");
    struct key_pair pair = {0};
    struct key_list list;
    int rc = check_name(name, err);
    if (!rc)
        rc = private_folder(authorized, err);
    if (!rc)
        rc = key_list_load(&list, folder, err);
    if (!rc) {
        const struct key_owner *known = public ? key_list_find(&list, public) : NULL;
        if (known)
            rc = err_set(err, ERR_BAD, "that key is on the list as \"%s\" (%s)", known->name,
                         role_name(known->role));
        key_list_fini(&list);
    }
    if (!rc && !public)
        rc = give_pair(folder, name, role, &pair, err);
    if (!rc)
        rc = list_key(authorized, name, role, public ? public : pair.public, err);
    key_pair_wipe(&pair);
    free(authorized);
    return rc;
}

int keys_revoke(const char *folder, const char *name, struct err *err)
{
    char *path = xasprintf("%s/authorized/%s.pub", folder, name);
    char *authorized = path_dir(path);
    int rc = check_name(name, err);
    if (!rc && unlink(path)) {
        rc = errno == ENOENT ? err_set(err, ERR_GONE, "there is no key \"%s\" on the list", name)
                             : err_errno(err, "%s", path);
        err_hint(err, "hone keys list names them");
    }
    if (!rc)
        rc = dir_sync(authorized, err);
    free(authorized);
    free(path);
    return rc;
}

int keys_public(const char *file_or_text, char out[KEY_TEXT], struct err *err)
{
    enum role role;
    if (!key_text_ok(file_or_text))
        return read_key(file_or_text, public_word, &role, out, err);
    memcpy(out, file_or_text, KEY_TEXT);
    return 0;
}

/* The name of the file without its ".pub"; false: none of ours. */
static bool owner_name(const char *file, char out[65])
{
    size_t len = strlen(file);
    if (len < 5 || len > 68 || strcmp(file + len - 4, ".pub") != 0)
        return false;
    memcpy(out, file, len - 4);
    out[len - 4] = '\0';
    return name_ok(out);
}

static void load_owner(struct key_list *list, const char *file)
{
    struct key_owner owner;
    struct err why = ERR_NONE;
    char *path = path_join(list->folder, file);
    if (owner_name(file, owner.name)) {
        if (check_mode(path, 022, "644", &why) || read_key(path, public_word, &owner.role, owner.key, &why)) {
            log_warn("%s; it lets nobody in", why.text);
        } else if (list->count < KEY_OWNERS_MAX && owner.role != ROLE_SERVER) {
            GROW(list->owners, list->room, list->count + 1);
            list->owners[list->count++] = owner;
        }
    }
    free(path);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct key_owner *)a)->name, ((const struct key_owner *)b)->name);
}

/* Two changes within one tick of the clock that stamps files look like one: until that has passed, read again. */
enum { TICK_MS = 100 };

static bool has_settled(const struct timespec *changed)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC); /* what stamps files */
    int64_t age_ms =
        (int64_t)(now.tv_sec - changed->tv_sec) * 1000 + (now.tv_nsec - changed->tv_nsec) / 1000000;
    return age_ms > TICK_MS || age_ms < 0;
}

static int read_list(struct key_list *list, struct err *err)
{
    struct stat st;
    list->count = 0;
    int rc = check_mode(list->folder, 022, "700", err);
    DIR *dir = rc ? NULL : opendir(list->folder);
    if (rc || !dir || stat(list->folder, &st)) {
        if (dir)
            closedir(dir);
        return rc ? rc : err_errno(err, "%s", list->folder);
    }
    list->changed = st.st_mtim;
    list->settled = has_settled(&st.st_mtim);
    for (const struct dirent *entry; (entry = readdir(dir));)
        load_owner(list, entry->d_name);
    closedir(dir);
    if (list->count)
        qsort(list->owners, list->count, sizeof *list->owners, by_name);
    return 0;
}

int key_list_load(struct key_list *list, const char *folder, struct err *err)
{
    *list = (struct key_list){.folder = path_join(folder, "authorized")};
    int rc = read_list(list, err);
    if (rc)
        key_list_fini(list);
    return rc;
}

bool key_list_refresh(struct key_list *list)
{
    struct stat st;
    bool there = stat(list->folder, &st) == 0;
    if (there && list->settled && st.st_mtim.tv_sec == list->changed.tv_sec &&
        st.st_mtim.tv_nsec == list->changed.tv_nsec)
        return false;
    struct err why = ERR_NONE;
    if (read_list(list, &why) && list->settled) {
        list->settled = false;
        log_error("%s; nobody is let in", why.text);
    }
    return true;
}

const struct key_owner *key_list_find(const struct key_list *list, const char *key)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->owners[i].key, key) == 0)
            return &list->owners[i];
    return NULL;
}

void key_list_fini(struct key_list *list)
{
    free(list->folder);
    free(list->owners);
    *list = (struct key_list){0};
}
