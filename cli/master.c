/* master: the loop for workers on any host, until it is interrupted or, with --once, until its studies have
 * ended. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/bind.h"
#include "cli/commands.h"
#include "cli/sidecar.h"
#include "cli/signals.h"
#include "cli/study_file.h"
#include "cli/trust.h"
#include "common/log.h"
#include "master/server.h"
#include "master/submission.h"

enum { TURN_MS = 1000, STUDIES_MOST = 1000 };

static int open_server(const struct opt_master *opt, struct server **out, struct err *err)
{
    struct server_options options = {.db = opt->db,
                                     .bind = opt->bind,
                                     .once = opt->once,
                                     .network_db = opt->network_db,
                                     .mirror = opt->mirror,
                                     .beat_ms = opt->beat,
                                     .lease_ms = opt->lease};
    char *keys = NULL;
    int rc = trust_listen(opt->bind, opt->insecure, &keys, err);
    options.keys = keys;
    if (!rc)
        rc = server_open(&options, out, err);
    if (!rc && !keys && !bind_is_local(opt->bind))
        fprintf(stderr, "%s\n", NO_KEYS_TEXT);
    free(keys);
    return rc;
}

static void print_banner(const struct opt_master *opt, const struct server *server)
{
    char host[256] = "localhost";
    struct str reach = {0}, word = {0};
    gethostname(host, sizeof host - 1);
    bind_reach(server_address(server), host, &reach);
    str_add_word(&word, str_text(&reach));
    bool keyed = !opt->insecure && !bind_is_local(opt->bind);
    fprintf(stderr, "hone %s: master of %s. Start workers with%s\n", HONE_VERSION, opt->db,
            keyed ? " (each host has a folder of hone keys add, ~/.config/hone/keys or --keys)" : "");
    printf("hone worker %s\n", str_text(&word));
    fflush(stdout);
    str_fini(&word);
    str_fini(&reach);
}

static int submit(const struct opt_master *opt, struct server *server, const char *path, char name[65],
                  struct err *err)
{
    struct study_file file;
    bool finished;
    int rc = study_file_load(path, &opt->set, &file, err);
    if (rc)
        return rc;
    struct submission how = {path, file.base, opt->fresh, checks_wanted(opt->no_check, opt->force)};
    rc = server_submit(server, str_text(&file.text), &how, name, &finished, err);
    if (!rc)
        log_info("study %s: %s", name, finished ? "has ended already" : "submitted");
    study_file_fini(&file);
    return rc;
}

static int loop(struct server *server, struct err *err)
{
    bool interrupted = false;
    for (;;) {
        int rc = server_turn(server, TURN_MS, err);
        if (rc)
            return rc == 1 ? 0 : rc;
        if (signals_count() > 1)
            return 0; // at once; the lock and the address are given back, workers go on and look for a master
        if (signals_count() == 1 && !interrupted) {
            interrupted = true;
            log_info("interrupted: waiting for the workers to give their trials back");
            server_interrupt(server);
        }
    }
}

/* With --once: every study given here has a complete trial. */
static int answer(const struct server *server, char names[][65], size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        struct server_snapshot s;
        if (server_snapshot(server, names[i], &s) || s.counts[TRIAL_complete])
            continue;
        return err_set(err, ERR_NO, "study \"%s\" has no complete trial", names[i]);
    }
    return 0;
}

static int serve(const struct opt_master *opt, struct server *server, char names[][65], struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < opt->args.count && !rc; i++)
        rc = submit(opt, server, opt->args.items[i], names[i], err);
    if (rc)
        return rc;
    signals_catch();
    print_banner(opt, server);
    struct sidecar dash;
    char address[256];
    sidecar_start(&dash, opt->db, opt->http, address);
    if (*address)
        fprintf(stderr, "dashboard: %s\n", address);
    rc = loop(server, err);
    sidecar_end(&dash); // before the last writer: the database is one file again
    if (!rc && opt->once && !signals_count())
        rc = answer(server, names, opt->args.count, err);
    return rc;
}

int cmd_master(const struct opt_master *opt)
{
    struct err err = ERR_NONE;
    struct server *server = NULL;
    log_init(LOG_INFO);
    char(*names)[65] = calloc(opt->args.count + 1, sizeof *names);
    int rc = names ? 0 : err_set(&err, ERR_IO, "out of memory");
    if (!rc && opt->log_file)
        rc = log_to_file(opt->log_file, opt->log_size, &err);
    if (!rc)
        rc = open_server(opt, &server, &err);
    if (!rc)
        rc = serve(opt, server, names, &err);
    server_close(server);
    free(names);
    return rc ? command_fail("master", &err) : signals_status();
}
