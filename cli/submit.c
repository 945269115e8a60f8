/* submit: a study file, checked here (errors come at once and name the file), then given to a master. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/remote.h"
#include "cli/steer.h"
#include "cli/study_file.h"
#include "common/file.h"
#include "common/str.h"

static int submit_one(const struct opt_submit *opt, const char *path, struct err *err)
{
    struct study_file file;
    int rc = study_file_load(path, &opt->set, &file, err);
    if (rc)
        return rc;
    struct json *args = json_new_object();
    struct msg_answer answer;
    json_put(args, "definition", file.def.json);
    json_put_text(args, "base", file.base);
    json_put_text(args, "file", path_base(path));
    struct json *fresh = json_parse(opt->fresh ? "true" : "false", opt->fresh ? 4 : 5, "fresh", NULL);
    json_put(args, "fresh", fresh);
    if (opt->no_check || opt->force)
        json_put_text(args, "checks", opt->no_check ? "skip" : "force");
    rc = master_call(opt->db, opt->master, "submit", args, &answer, err);
    json_free(fresh);
    json_free(args);
    study_file_fini(&file);
    if (rc)
        return rc;
    const char *name = json_text(json_get(answer.result, "study"));
    struct str text = {0};
    json_print(answer.result, &text);
    if (opt->json)
        printf("%s\n", str_text(&text));
    else if (json_bool(json_get(answer.result, "ended")))
        printf("%s: has ended already; `hone best %s` shows it, --fresh starts it anew\n", name, name);
    else
        printf("%s: %s\n", name, json_bool(json_get(answer.result, "known")) ? "goes on" : "submitted");
    if (!json_bool(json_get(answer.result, "ended")))
        steer_remind(opt->db, opt->master);
    str_fini(&text);
    answer_fini(&answer);
    return 0;
}

int cmd_submit(const struct opt_submit *opt)
{
    for (size_t i = 0; i < opt->args.count; i++) {
        struct err err = ERR_NONE;
        if (submit_one(opt, opt->args.items[i], &err))
            return command_fail("submit", &err);
    }
    return 0;
}
