/* keygen, keys: the folder of keys, made once and kept by whoever runs the master. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "common/json.h"
#include "common/str.h"
#include "proto/keys.h"

int cmd_keygen(const struct opt_keygen *opt)
{
    struct err err = ERR_NONE;
    char *folder = keys_folder(opt->args.count ? opt->args.items[0] : opt->keys);
    int rc = keys_generate(folder, &err);
    if (!rc) {
        printf("keys are in %s; what to do with them:\n"
               "  server.key              stays here, with hone master\n"
               "  worker.key, server.pub  to each host that trains, in a folder of mode 0700\n"
               "  viewer.key, server.pub  to people who may look\n"
               "  operator.key            can run commands on every worker: keep it as you keep a password\n",
               folder);
    }
    free(folder);
    if (rc && !err.hint[0])
        err_hint(&err, "hone keygen DIR makes them in another folder, which --keys DIR or HONE_KEYS names to "
                       "the others");
    return rc ? command_fail("keygen", &err) : 0;
}

/* ---- keys list, add, revoke ---- */

static void print_json(const struct key_list *keys)
{
    struct str out = {0};
    struct jw w = jw_to(&out);
    jw_array(&w, NULL);
    for (size_t i = 0; i < keys->count; i++) {
        jw_object(&w, NULL);
        jw_text(&w, "name", keys->owners[i].name);
        jw_text(&w, "role", role_name(keys->owners[i].role));
        jw_text(&w, "key", keys->owners[i].key);
        jw_close_object(&w);
    }
    jw_close_array(&w);
    printf("%s\n", str_text(&out));
    str_fini(&out);
}

static int list(const char *folder, bool json, struct err *err)
{
    struct key_list keys;
    int rc = key_list_load(&keys, folder, err);
    if (rc)
        return rc == ERR_GONE ? err_hint(err, "hone keygen makes keys") : rc;
    for (size_t i = 0; i < keys.count && !json; i++)
        printf("%-20s %-9s %s\n", keys.owners[i].name, role_name(keys.owners[i].role), keys.owners[i].key);
    if (json)
        print_json(&keys);
    else if (!keys.count)
        printf("nobody is let in\n");
    key_list_fini(&keys);
    return 0;
}

static int add(const char *folder, const struct opt_keys *opt, const char *name, struct err *err)
{
    char public[KEY_TEXT];
    enum role role = opt->role ? role_find(opt->role) : ROLE_NONE;
    if (role == ROLE_NONE || role == ROLE_SERVER) {
        err_set(err, ERR_BAD, "--role: worker, viewer or operator (got \"%.40s\")",
                opt->role ? opt->role : "");
        return err_hint(err, "a worker trains, a viewer looks, an operator can run commands on every worker");
    }
    int rc = opt->pub ? keys_public(opt->pub, public, err) : 0;
    if (!rc)
        rc = keys_add(folder, name, role, opt->pub ? public : NULL, err);
    if (rc)
        return rc;
    if (opt->pub)
        printf("%s may come in as %s\n", name, role_name(role));
    else
        printf("%s may come in as %s, with --keys %s/clients/%s: take that folder there\n", name,
               role_name(role), folder, name);
    return 0;
}

static int revoke(const char *folder, const char *name, struct err *err)
{
    int rc = keys_revoke(folder, name, err);
    if (!rc)
        printf("%s is let in no more; a running master ends its connections within a second\n", name);
    return rc;
}

static int keys(const struct opt_keys *opt, const char *folder, struct err *err)
{
    const char *action = opt->args.items[0], *name = opt->args.count > 1 ? opt->args.items[1] : NULL;
    if (strcmp(action, "list") == 0 && !name)
        return list(folder, opt->json, err);
    if (strcmp(action, "add") == 0 && name)
        return add(folder, opt, name, err);
    if (strcmp(action, "revoke") == 0 && name)
        return revoke(folder, name, err);
    err_set(err, ERR_BAD, "list, add NAME or revoke NAME");
    return err_hint(err, "hone keys add node7 --role worker; more in hone keys --help");
}

int cmd_keys(const struct opt_keys *opt)
{
    struct err err = ERR_NONE;
    char *folder = keys_folder(opt->keys);
    int rc = keys(opt, folder, &err);
    free(folder);
    return rc ? command_fail("keys", &err) : 0;
}
