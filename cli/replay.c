/* replay: is everything a study decided still what its rows say? */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/patience.h"
#include "cli/select.h"
#include "common/json.h"
#include "common/str.h"
#include "master/replay.h"

enum { RETRIES = 3 };

/* A file at rest that a master began to write meanwhile is read again. */
static int replay(const char *db, const char *study, struct replay_report *report, struct err *err)
{
    int rc = 0;
    bool again = true;
    struct patience patience;
    patience_init(&patience, stderr, "replay", "rows");
    for (int tries = 0; again && tries < RETRIES; tries++) {
        struct store_options options = {.read_only = true};
        struct store *store;
        *err = ERR_NONE;
        rc = store_open(db, &options, &store, err);
        if (rc == ERR_GONE && !store)
            rc = err->code = ERR_REACH; // as for every other reader
        if (!store)
            return rc;
        rc = replay_study(store, study, &patience.watcher, report, err);
        patience_hide(&patience);
        again = store_overtaken(store);
        store_close(store);
    }
    return rc;
}

static void print_json(const struct replay_report *r, int rc, const struct err *err)
{
    struct str out = {0};
    struct jw w = jw_to(&out);
    jw_object(&w, NULL);
    jw_text(&w, "study", r->study);
    jw_bool(&w, "same", rc == 0);
    jw_int(&w, "proposals", r->proposals);
    jw_int(&w, "boxes", r->boxes);
    jw_int(&w, "wall_events", r->events);
    jw_int(&w, "stage_moves", r->moves);
    jw_int(&w, "elsewhere", r->elsewhere);
    jw_text(&w, "difference", rc ? err->text : NULL);
    jw_close_object(&w);
    printf("%s\n", str_text(&out));
    str_fini(&out);
}

static void print_text(const struct replay_report *r)
{
    printf("%s: the same: %lld proposals", r->study, (long long)r->proposals);
    if (r->boxes || r->events)
        printf(", %lld boxes, %lld looks at walls", (long long)r->boxes, (long long)r->events);
    if (r->moves)
        printf(", %lld trials carried on or given up", (long long)r->moves);
    printf("\n");
    if (r->elsewhere)
        printf("%lld of the proposals were made on another platform (%s) and were held to 1e-9\n",
               (long long)r->elsewhere, r->platform);
}

int cmd_replay(const struct opt_replay *opt)
{
    struct err err = ERR_NONE;
    struct replay_report report = {0};
    const char *study;
    int rc = select_study(opt->args.count ? opt->args.items[0] : NULL, opt->study, &study, &err);
    if (!rc)
        rc = replay(opt->db, study, &report, &err);
    if (opt->json && (!rc || rc == ERR_NO))
        print_json(&report, rc, &err);
    else if (!rc)
        print_text(&report);
    return rc ? command_fail("replay", &err) : 0;
}
