#include "cli/study_file.h"

#include <stdlib.h>
#include <string.h>

#include "common/file.h"

int study_file_load(const char *path, const struct text_list *sets, struct study_file *out, struct err *err)
{
    *out = (struct study_file){.path = path};
    int rc = study_def_load(path, sets->items, &out->def, err);
    if (rc)
        return rc;
    json_print(out->def.json, &out->text);
    char *folder = strcmp(path, "-") == 0 ? path_absolute(".") : path_dir(path);
    out->base = path_absolute(folder);
    free(folder);
    return 0;
}

enum study_checks checks_wanted(bool no_check, bool force)
{
    return no_check ? CHECKS_SKIP : force ? CHECKS_FORCE : CHECKS_WANTED;
}

void study_file_fini(struct study_file *file)
{
    study_def_fini(&file->def);
    str_fini(&file->text);
    free(file->base);
}
