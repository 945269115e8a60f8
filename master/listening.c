#include "master/listening.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/hash.h"
#include "common/mem.h"

enum { IPC_PATH_MOST = 100 }; /* sockaddr_un holds 107 */

static char *ipc_address(const char *root)
{
    char *path = path_join(root, "hone.sock");
    if (strlen(path) > IPC_PATH_MOST) {
        char hex[HASH_HEX];
        hash_bytes(path, strlen(path), hex);
        char *dir = xasprintf("/tmp/hone-%ld", (long)getuid());
        mkdir(dir, 0700);
        struct stat st;
        /* Somebody else's folder of that name would let him pose as the master. */
        if (lstat(dir, &st) || !S_ISDIR(st.st_mode) || st.st_uid != getuid() || (st.st_mode & 077)) {
            free(dir);
            dir = xstrdup(root); /* too long after all: the error will say so */
        }
        free(path);
        path = xasprintf("%s/%.16s.sock", dir, hex);
        free(dir);
    }
    char *address = xasprintf("ipc://%s", path);
    free(path);
    return address;
}

/* Commands that find us by the database bring their keys where this file is. */
static int tell_keys(const struct store *store, bool keyed, struct err *err)
{
    char *path = path_join(store_root(store), "keyed");
    int rc = 0;
    if (keyed)
        rc = file_write_whole(path, "", 0, err);
    else
        unlink(path);
    free(path);
    return rc;
}

static int write_address(const struct store *store, const char *address, struct err *err)
{
    char *path = path_join(store_root(store), "address");
    int rc = file_write_whole(path, address, strlen(address), err);
    free(path);
    return rc;
}

int listening_begin(struct store *store, const char *bind, const char *keys, struct wire **wire,
                    struct err *err)
{
    char *address = bind ? xstrdup(bind) : ipc_address(store_root(store));
    bool keyed = keys && !str_starts(address, "ipc://");
    int rc = wire_listen_keyed(address, keyed ? keys : NULL, wire, err);
    free(address);
    if (!rc)
        rc = tell_keys(store, keyed, err);
    if (!rc)
        rc = store_set_address(store, wire_address(*wire), err);
    return rc ? rc : write_address(store, wire_address(*wire), err);
}

int listening_end(struct store *store, struct err *err)
{
    char *path = path_join(store_root(store), "address");
    unlink(path);
    free(path);
    return store_set_address(store, NULL, err);
}
