#include "proto/keys.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"
#include "common/file.h"
#include "common/mem.h"
#include "proto/keys_parts.h"

/* ---- the folder ---- */

char *keys_folder(const char *given)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (given && *given)
        return xstrdup(given);
    if (config && *config == '/')
        return path_join(config, "hone/keys");
    /* cron, containers and some batch systems leave it out: the same folder all the same */
    const struct passwd *user = home && *home ? NULL : getpwuid(getuid());
    home = user ? user->pw_dir : home;
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
    int rc = key_make_folder(folder, err);
    for (size_t i = 0; !rc && i < COUNT_OF(roles); i++) {
        rc = key_write_pair(folder, roles[i], &pair, err);
        if (!rc)
            rc = keys_add(folder, role_name(roles[i]), roles[i], pair.public, err);
    }
    if (!rc)
        rc = key_write_pair(folder, ROLE_SERVER, &pair, err);
    key_pair_wipe(&pair);
    return rc ? rc : dir_sync(folder, err);
}

static int check_folder(const char *folder, struct err *err)
{
    int rc = key_check_mode(folder, 022, "700", err);
    if (rc == ERR_GONE)
        err_hint(err, "hone keygen makes keys; --keys DIR or HONE_KEYS says where they are");
    return rc;
}

int keys_server(const char *folder, struct key_pair *out, struct err *err)
{
    enum role role;
    char *path = key_path(folder, ROLE_SERVER, "key");
    int rc = check_folder(folder, err);
    if (!rc)
        rc = key_read_secret(path, &role, out, err);
    if (rc == ERR_GONE && err && !err->hint[0])
        err_hint(err, "hone keygen makes it");
    free(path);
    return rc;
}

static int own_key(const char *folder, const enum role *roles, struct key_trust *out, struct err *err)
{
    int rc = ERR_GONE;
    for (const enum role *role = roles; *role && rc == ERR_GONE; role++) {
        char *path = key_path(folder, *role, "key");
        struct err why = ERR_NONE;
        rc = key_read_secret(path, &out->role, &out->own, &why);
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
    char *path = key_path(folder, ROLE_SERVER, "pub");
    memset(out, 0, sizeof *out);
    int rc = check_folder(folder, err);
    if (!rc)
        rc = key_check_mode(path, 022, "644", err);
    if (!rc)
        rc = key_read(path, KEY_PUBLIC, &role, out->server, err);
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
    char *from = key_path(folder, ROLE_SERVER, "pub"), *to = key_path(mine, ROLE_SERVER, "pub");
    char server[KEY_TEXT];
    enum role ignored;
    int rc = key_make_folder(clients, err);
    if (!rc)
        rc = key_read(from, KEY_PUBLIC, &ignored, server, err);
    if (!rc)
        rc = key_make_folder(mine, err);
    if (!rc)
        rc = key_write_pair(mine, role, pair, err);
    if (!rc)
        rc = key_write_new(to, 0644, KEY_PUBLIC, ROLE_SERVER, server, err);
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
    int len = snprintf(text, sizeof text, "%s %s\n%s\n", KEY_PUBLIC, role_name(role), key);
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
        rc = key_make_folder(authorized, err);
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
        return key_read(file_or_text, KEY_PUBLIC, &role, out, err);
    memcpy(out, file_or_text, KEY_TEXT);
    return 0;
}
