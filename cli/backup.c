/* backup: a copy of the database, taken beside whoever writes it. */
#include <stdio.h>

#include "cli/commands.h"
#include "common/file.h"
#include "common/units.h"
#include "sql/query.h"

int cmd_backup(const struct opt_backup *opt)
{
    struct err err = ERR_NONE;
    const char *to = opt->args.items[0];
    int rc = query_backup(opt->db, to, &err);
    if (rc == ERR_GONE)
        err.code = ERR_REACH; // no database: exit status 3, as for everything that reads it
    if (rc)
        return command_fail("backup", &err);
    if (!opt->quiet) {
        char size[32];
        size_text(file_size(to), size);
        printf("%s: %s\n", to, size);
    }
    return 0;
}
