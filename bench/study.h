/* study: the master that the benchmarks put under load: one study, checks skipped. */
#ifndef HONE_BENCH_STUDY_H
#define HONE_BENCH_STUDY_H

#include <stdio.h>
#include <stdlib.h>

#include "master/server.h"
#include "master/submission.h"

/* What most of them run: nothing but epochs. */
static const char endless_study[] =
    "{\"study\":\"b\",\"metric\":{\"name\":\"val_acc\",\"goal\":\"maximize\"},\"trainer\":{"
    "\"command\":[\"true\"]},\"space\":{\"lr\":{\"log\":[1e-6,10]}},\"search\":{\"method\":"
    "\"random\",\"trials\":100000,\"epochs\":1000000,\"seed\":1}}";

/* On this database and address; a benchmark without its master is over. */
static struct server *open_study(const char *db, const char *address, const char *study)
{
    struct server_options options = {.db = db, .bind = address};
    struct err err = ERR_NONE;
    struct submission how = {.file = "bench", .base = "/", .checks = CHECKS_SKIP};
    struct server *server;
    char name[65];
    bool finished;
    if (server_open(&options, &server, &err) || server_submit(server, study, &how, name, &finished, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return server;
}

#endif
