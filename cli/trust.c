#include "cli/trust.h"

#include <stdlib.h>
#include <string.h>

#include "cli/bind.h"
#include "common/file.h"
#include "common/str.h"

static const char *option;

void trust_option(const char *keys)
{
    option = keys && *keys ? keys : NULL;
}

static bool is_none(void)
{
    return option && strcmp(option, "none") == 0;
}

/* The folder to use at this address; NULL: none. */
static char *folder_for(const char *address, bool wanted)
{
    if (str_starts(address, "ipc://") || is_none())
        return NULL;
    if (option)
        return path_absolute(option);
    char *usual = wanted ? keys_folder(NULL) : NULL;
    if (usual && keys_exist(usual))
        return usual;
    free(usual);
    return NULL;
}

int trust_listen(const char *address, bool insecure, char **folder, struct err *err)
{
    bool local = bind_is_local(address);
    *folder = folder_for(address, !local && !insecure);
    return *folder ? 0 : bind_check(address, insecure, err);
}

int trust_connect(const char *address, bool keyed, const enum role *roles, struct key_trust *out, bool *use,
                  struct err *err)
{
    char *folder = folder_for(address, keyed || !bind_is_local(address));
    int rc = folder ? keys_trust(folder, roles, out, err) : 0;
    *use = folder && !rc;
    free(folder);
    return rc;
}
