/* keys: the folder of key files, the only place where a secret ever is.
 *
 *     server.key  server.pub     the master's pair; who connects pins the second
 *     worker.key  operator.key  viewer.key  and their .pub     one pair for each role, to begin with
 *     authorized/NAME.pub        who may come in, and as what; the file's name is the peer's
 *     clients/NAME/              made by `hone keys add NAME`: the folder to take to that host
 *
 * A file has two lines: "hone-secret-key ROLE" or "hone-public-key ROLE", and 40 characters of Z85. Secrets are
 * read from files alone: never from a URL, an argument or a variable, so that `ps`, logs and the store cannot
 * show them, and an error names the file, never what is in it.
 *
 * Refuses: secrets that others can read, folders and lists that others can write (the hint is the chmod to do),
 * and to write over a key that is there. Ownership: the caller's storage; key_list_fini and key_pair_wipe.
 */
#ifndef HONE_PROTO_KEYS_H
#define HONE_PROTO_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/err.h"

enum {
    KEY_TEXT = 41, /* Z85 and the NUL */
    KEY_OWNERS_MAX = 10000,
};

enum role {
    ROLE_NONE,
    ROLE_SERVER,
    ROLE_WORKER,   /* HELLO ... DONE */
    ROLE_VIEWER,   /* verbs that only look */
    ROLE_OPERATOR, /* every verb, which means: running commands on the workers */
    ROLE_LOCAL, /* on a socket without keys: everything, its folder or the loopback interface is the guard */
    ROLE_COUNT
};

const char *role_name(enum role role);
enum role role_find(const char *name); /* ROLE_NONE: there is no such role */

struct key_pair {
    char public[KEY_TEXT], secret[KEY_TEXT];
};
void key_pair_wipe(struct key_pair *pair);

/* What a worker or client needs: its own pair and whom to trust. */
struct key_trust {
    struct key_pair own;
    char server[KEY_TEXT]; /* pinned */
    enum role role;
};

/* ---- the folder ---- */

/* `given`, or ~/.config/hone/keys (XDG_CONFIG_HOME). The caller frees. */
char *keys_folder(const char *given);
/* Is there anything at all? */
bool keys_exist(const char *folder);

/* Makes the folder (0700) and all the pairs; ERR_BAD if there are keys already. */
int keys_generate(const char *folder, struct err *err);
int keys_server(const char *folder, struct key_pair *out, struct err *err);
/* server.pub and the key of the first role of the list (ends with ROLE_NONE) that is there. */
int keys_trust(const char *folder, const enum role *roles, struct key_trust *out, struct err *err);

/* `public` NULL: makes a pair and leaves it in clients/NAME/. The file is replaced in one step, so a running
 * master sees the old list or the new one. */
int keys_add(const char *folder, const char *name, enum role role, const char *public, struct err *err);
int keys_revoke(const char *folder, const char *name, struct err *err);
/* A public key as the user gave it: a .pub file, or the 40 characters. */
int keys_public(const char *file_or_text, char out[KEY_TEXT], struct err *err);

/* ---- who may come in ---- */

struct key_owner {
    char name[65];
    enum role role;
    char key[KEY_TEXT];
};

struct key_list {
    char *folder;             /* authorized/ */
    struct key_owner *owners; /* by rising name */
    size_t count, room;
    struct timespec changed; /* of the folder when it was read */
    bool settled; /* nothing can have been written since within the same tick of the file system's clock */
};

/* A file that cannot be used lets nobody in and is named in the log; the others count. */
int key_list_load(struct key_list *list, const char *folder, struct err *err);
/* Reads it again if the folder has changed; true if it did. A folder that is gone lets nobody in. */
bool key_list_refresh(struct key_list *list);
const struct key_owner *key_list_find(const struct key_list *list, const char *key); /* NULL: a stranger */
void key_list_fini(struct key_list *list);

#endif
