/* One file of a key: what it holds, who may read and write it. */
#include "proto/keys_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "common/file.h"
#include "common/mem.h"
#include "common/str.h"

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

bool key_text_ok(const char *text)
{
    uint8_t bytes[32];
    char again[KEY_TEXT];
    if (strlen(text) != KEY_TEXT - 1 || !zmq_z85_decode(bytes, text) ||
        !zmq_z85_encode(again, bytes, sizeof bytes))
        return false;
    return strcmp(text, again) == 0; /* the decoder lets strange characters pass */
}

int key_check_mode(const char *path, mode_t forbidden, const char *chmod_to, struct err *err)
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

int key_read(const char *path, const char *word, enum role *role, char out[KEY_TEXT], struct err *err)
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

int key_read_secret(const char *path, enum role *role, struct key_pair *out, struct err *err)
{
    int rc = key_check_mode(path, 077, "600", err);
    if (!rc)
        rc = key_read(path, KEY_SECRET, role, out->secret, err);
    if (!rc && zmq_curve_public(out->public, out->secret))
        rc = err_set(err, ERR_IO, "%s: this libzmq has no CURVE", path);
    if (rc)
        key_pair_wipe(out);
    return rc;
}

int key_write_new(const char *path, mode_t mode, const char *word, enum role role, const char *key,
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

int key_make_folder(const char *path, struct err *err)
{
    char *above = path_dir(path);
    int rc = dir_make(above, err);
    free(above);
    if (!rc && mkdir(path, 0700) && errno != EEXIST)
        rc = err_errno(err, "%s: cannot make the folder", path);
    return rc ? rc : key_check_mode(path, 077, "700", err);
}

char *key_path(const char *folder, enum role role, const char *suffix)
{
    return xasprintf("%s/%s.%s", folder, role_name(role), suffix);
}

int key_write_pair(const char *folder, enum role role, struct key_pair *pair, struct err *err)
{
    char *secret = key_path(folder, role, "key"), *public = key_path(folder, role, "pub");
    int rc = 0;
    if (zmq_curve_keypair(pair->public, pair->secret))
        rc = err_set(err, ERR_IO, "cannot make a key pair: this libzmq has no CURVE");
    if (!rc)
        rc = key_write_new(secret, 0600, KEY_SECRET, role, pair->secret, err);
    if (!rc)
        rc = key_write_new(public, 0644, KEY_PUBLIC, role, pair->public, err);
    free(secret);
    free(public);
    return rc;
}
